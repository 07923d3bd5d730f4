"""Step 3, permissions: transports, their permissions, and tenant-wide consent or RBAC for one mailbox."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.setup_wizard.base import page, step
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import SetupProgress
from alertadmin.registry.permissions import OPTIONAL, RESOURCE_OF, Permission
from alertadmin.reminders.scan.sources.ews import ENDS

MEANINGS = {
    Permission.MAIL_SEND: gettext_lazy("Microsoft Graph (recommended)"),
    Permission.FULL_ACCESS: gettext_lazy(
        "EWS: Exchange Online switches it off on %(end)s; only for software that supports nothing else"
    ),
    Permission.SMTP_SEND: gettext_lazy("SMTP with OAuth, for software that uses SMTP"),
}
WHOLE, SCOPED = "whole", "scoped"


class PermissionsForm(forms.Form):
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("It sends by"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one transport.")},
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("Mailboxes it can send as"),
        choices=[
            (WHOLE, gettext_lazy("all mailboxes of the directory: Entra grants it, an administrator consents")),
            (
                SCOPED,
                gettext_lazy(
                    "safer: only the sending mailbox. Exchange grants it (RBAC for Applications) by a script, "
                    "and nothing is granted in Entra"
                ),
            ),
        ],
        widget=forms.RadioSelect,
    )
    keeps_drafts = forms.BooleanField(
        label=gettext_lazy("Also Mail.ReadWrite, to prevent duplicate mails"),
        required=False,
        help_text=gettext_lazy(
            "A mail by Graph is then saved as a draft first and can be looked up. The app can also read mail."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["permissions"].choices = [  # type: ignore[attr-defined]
            (one.value, _("%(label)s: %(value)s") % {"label": one.value, "value": _permission_label(one)})
            for one in Permission
        ]


def _permission_label(permission: Permission) -> str:
    return str(MEANINGS[permission]) % {"end": f"{ENDS:%Y-%m-%d}"}


@require_right(Right.CHANGE, of=SetupProgress)
@step("permissions")
def guide_permissions(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    assert guide.app is not None  # noqa: S101 (else it cannot be reached)
    initial = {
        "permissions": guide.app.required_permissions or [Permission.MAIL_SEND],
        "scope": SCOPED if guide.is_scoped else WHOLE,
        "keeps_drafts": guide.keeps_drafts,
    }
    form = PermissionsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        _save_permissions(guide, form.cleaned_data)
        return redirect("guide-consent", guide.pk)
    context: dict[str, Any] = {
        "form": form,
        # The style sheet shows those of the ticked transports.
        "permissions": [(one, RESOURCE_OF[one].label, OPTIONAL.get(one, "")) for one in Permission],
    }
    return page(request, guide, "permissions", **context)


@transaction.atomic
def _save_permissions(guide: SetupProgress, data: dict[str, Any]) -> None:
    assert guide.app is not None  # noqa: S101
    with audit.record_change(AuditAction.APP_CHANGED, guide.app):
        guide.app.permissions = data["permissions"]
        guide.app.save(update_fields=["permissions"])
    sync_required_consents([guide.app])
    guide.is_scoped = data["scope"] == SCOPED
    guide.keeps_drafts = data["keeps_drafts"]
    guide.save(update_fields=["is_scoped", "keeps_drafts"])
