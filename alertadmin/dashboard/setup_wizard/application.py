"""Step 2, application: the values for the portal, and the client ID that it returns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.consents.request_views import callback_url
from alertadmin.dashboard.setup_wizard.base import go_on, page, step
from alertadmin.dashboard.ui.kept_secrets import keeps_secrets
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.new_destination import AppDestination
from alertadmin.registry import guid
from alertadmin.registry.clouds import known_cloud
from alertadmin.registry.models import AppRegistration, SetupProgress, SignInAudience
from alertadmin.registry.models.app_registration import NATIVE_CLIENT
from mailer.clouds import BUILTIN

PERSON = "person"
"""Name of the button that continues with a personal account."""
DRAFTED = ("name", "audience", "redirect_uri")
"""Fields kept in the guide until there is a client ID."""
MEANINGS = {
    SignInAudience.MY_ORG: gettext_lazy("the usual choice: it sends only in its own directory"),
    SignInAudience.MULTIPLE_ORGS: gettext_lazy("for several customers: the administrator of each one must consent"),
    SignInAudience.ALL: gettext_lazy(
        "like the one before; for personal accounts it can send only after a user signs in"
    ),
    SignInAudience.PERSONAL: gettext_lazy("cannot send on its own: no application permission, no consent, no EWS"),
}


class WizardApplicationForm(AppDestination):
    audience = forms.ChoiceField(label=gettext_lazy("Supported account types"), widget=forms.RadioSelect)
    redirect_uri = forms.ChoiceField(label=gettext_lazy("Redirect URI"), widget=forms.RadioSelect)

    class Meta:
        model = AppRegistration
        fields = ["name", "audience", "redirect_uri", "client_id"]
        field_classes = {"name": NameField}

    field_order = ["name", "audience", "redirect_uri", "client_id", "new_secret", "remove_secrets"]
    halves = ("name", "client_id")

    def __init__(self, *args: Any, guide: SetupProgress, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["audience"].choices = [  # type: ignore[attr-defined]
            (value, _choice_label(label, MEANINGS[SignInAudience(value)])) for value, label in SignInAudience.choices
        ]
        self.fields["redirect_uri"].choices = _redirect_choices(guide, self.instance.redirect_uri)  # type: ignore[attr-defined]
        self.fields["client_id"].error_messages["required"] = _(
            "Paste it here when the portal has created the application. Your choices are kept."
        )
        self.fields["client_id"].help_text = _("From the application's overview page, when the portal has created it.")

    @property
    def offers_personal_account(self) -> bool:
        """Whether the page offers to keep the app and sign in the account's owner instead."""
        return bool(self["audience"].value() == SignInAudience.PERSONAL)

    def clean_audience(self) -> str:
        chosen: str = self.cleaned_data["audience"]
        if chosen == SignInAudience.PERSONAL and PERSON not in self.data:
            raise forms.ValidationError(
                _(
                    "Such an app cannot send on its own: Microsoft gives application permissions only in "
                    "directories. Choose another type, or let the account's owner sign in (below)."
                )
            )
        return chosen


def _choice_label(label: Any, meaning: Any) -> str:
    return _("%(label)s: %(value)s") % {"label": label, "value": meaning}


def _redirect_choices(guide: SetupProgress, chosen: str) -> list[tuple[str, Any]]:
    """Redirect URI choices: desktop software, this dashboard, and the current one of a registered app."""
    native = NATIVE_CLIENT
    if cloud := (known_cloud(guide.tenant.cloud) if guide.tenant.cloud in BUILTIN else None):
        native = NATIVE_CLIENT.replace(BUILTIN["global"].authority, cloud.authority)
    offered = {
        native: _("for desktop software such as ALERT (platform “Mobile and desktop applications”)"),
        callback_url(): _("this dashboard, to which Microsoft returns after consent (platform “Web”)"),
    }
    if chosen and chosen not in offered:
        offered[chosen] = _("as it is registered now")
    return [(uri, _choice_label(uri, words)) for uri, words in offered.items()]


@require_right(Right.CHANGE, of=SetupProgress)
@keeps_secrets("new_secret")
@step("application")
def guide_application(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    app = guide.app or AppRegistration(tenant=guide.tenant, **{name: getattr(guide, name) for name in DRAFTED})
    form = WizardApplicationForm(request.POST if request.method == "POST" else None, instance=app, guide=guide)
    if request.method == "POST":
        if PERSON in request.POST and (kept := _keep_for_personal_account(guide, form)):
            messages.success(
                request, _("“%(name)s” is registered. Next, the owner of the account signs in.") % {"name": kept.name}
            )
            return redirect(f"{reverse('mailbox-add-personal')}?app={kept.pk}")
        if guide.app is None and (known := _existing_app(form, guide)):
            guide.app = known
            guide.save(update_fields=["app"])
            messages.success(
                request, _("“%(name)s” is already registered: the guide continues with it.") % {"name": known.name}
            )
            return go_on(guide)
        if form.is_valid():
            _save_app(guide, form)
            return redirect("guide-permissions", guide.pk)
        _keep_draft(guide, form)
    return page(request, guide, "application", form=form, values=_values(guide))


@transaction.atomic
def _keep_for_personal_account(guide: SetupProgress, form: WizardApplicationForm) -> AppRegistration | None:
    """Store the app and end the guide, whose steps are for apps that send on their own. None if the form is invalid."""
    known = _existing_app(form, guide) if guide.app is None else None
    if known is None:
        if not form.is_valid():
            return None
        _save_app(guide, form)
    app = known or guide.app
    guide.delete()
    return app


def _existing_app(form: WizardApplicationForm, guide: SetupProgress) -> AppRegistration | None:
    """Return the registered app with that client ID. The form reports a malformed ID."""
    client_id = form.data.get("client_id", "")
    if not guid.is_guid(client_id):
        return None
    return AppRegistration.objects.filter(tenant=guide.tenant, client_id=client_id).first()


@transaction.atomic
def _save_app(guide: SetupProgress, form: WizardApplicationForm) -> None:
    """Store the app. It requires no permission until the next step."""
    app = form.save(commit=False)
    if guide.app is None:
        app.permissions = []
    app.full_clean()
    with audit.record_save(AuditAction.APP_CREATED, AuditAction.APP_CHANGED, app):
        app.save()
        form.settle()
    guide.app = app
    _keep_draft(guide, form)
    guide.save(update_fields=["app"])


def _keep_draft(guide: SetupProgress, form: WizardApplicationForm) -> None:
    kept = [name for name in DRAFTED if name in form.cleaned_data]
    for name in kept:
        setattr(guide, name, form.cleaned_data[name])
    guide.save(update_fields=kept)


def _values(guide: SetupProgress) -> list[tuple[str, str]]:
    """Values to copy into the portal."""
    app = guide.app or guide
    return [
        (_("Name"), app.name),
        (_("Supported account types"), str(app.get_audience_display())),
        (_("Redirect URI"), app.redirect_uri),
    ]
