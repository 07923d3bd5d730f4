"""Step 6 (for a multitenant app part of step 4), mailbox: its domain determines the directory."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.mailboxes.forms import SenderMailboxForm, check_not_personal
from alertadmin.dashboard.setup_wizard.base import page, step
from alertadmin.registry.models import Mailbox, SetupProgress, SignInAudience, Tenant
from alertadmin.registry.permissions import PERMISSION_OF, TransportName
from alertadmin.registry.scripts import snippets
from alertadmin.registry.tenant_discovery import find_directory
from mailer.email_address import canonical


class WizardMailboxForm(SenderMailboxForm):
    """Looks up the directory of the domain. If Microsoft does not answer, the test send decides."""

    class Meta:
        model = Mailbox
        fields = ["address", "transport", "sends_reminders"]

    halves = ("address", "transport")
    mailbox_tenant: Tenant
    is_doubtful = False
    """Microsoft could not say which directory the domain belongs to."""

    def __init__(self, data: Any, *, guide: SetupProgress, access: Access) -> None:
        self.access = access
        assert guide.app is not None  # noqa: S101 (else the step cannot be reached)
        self.app = guide.app
        transports = [one for one in TransportName if PERMISSION_OF[one] in self.app.required_permissions] or [
            TransportName.GRAPH
        ]
        instance = guide.mailbox or Mailbox(app=self.app, tenant=guide.tenant, transport=transports[0])
        super().__init__(data, instance=instance, access=access)
        self.fields["transport"].choices = [(one.value, one.label) for one in transports]  # type: ignore[attr-defined]
        if sends := self.fields.get("sends_reminders"):
            sends.help_text = _("Reminders are sent by this mailbox first; by another one or the relay if it fails.")

    def clean_address(self) -> str:
        address = check_not_personal(self.cleaned_data["address"])
        self.mailbox_tenant = self.app.tenant
        try:
            found = find_directory(address, self.app.tenant.cloud)
        except forms.ValidationError:
            self.is_doubtful = True
            return address
        if found.directory_id == self.app.tenant.directory_id:
            return address
        if self.app.audience == SignInAudience.MY_ORG:
            raise forms.ValidationError(
                _(
                    "%(domain)s belongs to another directory (%(id)s), and this app sends only in its own. "
                    "Enter a mailbox of %(tenant)s, or make the app multitenant in step 2."
                ),
                params={"domain": found.domain, "id": found.directory_id, "tenant": self.app.tenant.name},
            )
        known = self.access.visible(Tenant, Right.CHANGE).filter(directory_id=found.directory_id).first()
        if known is None and not self.access.in_all_tenants(Right.CHANGE):
            raise forms.ValidationError(
                _(
                    "%(domain)s belongs to a directory that you cannot manage here. Ask the operator of this "
                    "installation to add the mailbox."
                ),
                params={"domain": found.domain},
            )
        self.mailbox_tenant = known or Tenant(
            name=found.domain,
            domain=found.domain,
            directory_id=found.directory_id,
            cloud=self.app.tenant.cloud,
            time_zone=self.app.tenant.time_zone,
        )
        return address

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if "address" in data:
            self.instance.tenant = self.mailbox_tenant
        return data


@require_right(Right.CHANGE, of=SetupProgress)
@step("mailbox")
def guide_mailbox(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    assert guide.app is not None  # noqa: S101 (else it cannot be reached)
    form = WizardMailboxForm(request.POST or None, guide=guide, access=access_of(request))
    if request.method == "POST" and form.is_valid():
        save_mailbox(request, guide, form)
        return redirect("guide-mailbox" if guide.is_scoped else "guide-test", guide.pk)
    script = ""
    if guide.is_scoped and guide.mailbox:
        script = snippets.scope_to_mailbox(
            guide.app, guide.mailbox_tenant, guide.mailbox.address, guide.app.required_permissions
        )
    return page(request, guide, "mailbox", form=form, script=script)


@transaction.atomic
def save_mailbox(request: HttpRequest, guide: SetupProgress, form: WizardMailboxForm) -> None:
    """Store the mailbox; one already registered with this app is used unchanged."""
    address = form.cleaned_data["address"]
    same = Mailbox.objects.filter(app=form.app, address_canonical=canonical(address))
    known = same.exclude(pk=form.instance.pk).first()
    if known is None and form.mailbox_tenant._state.adding:
        form.mailbox_tenant.full_clean()
        form.mailbox_tenant.save()
        audit.record(AuditAction.TENANT_CREATED, form.mailbox_tenant)
        messages.success(request, _("The directory of %(name)s is added.") % {"name": form.mailbox_tenant.name})
    guide.mailbox = known or form.save()
    guide.save(update_fields=["mailbox"])
    if form.is_doubtful:
        said = _(
            "Microsoft could not say which directory the domain of %(address)s belongs to. The test send will show it."
        )
        messages.warning(request, said % {"address": address})


def consent_request_text(guide: SetupProgress, permissions: list[str]) -> str:
    """Text to send to an administrator of that directory; the consent links follow."""
    assert guide.app is not None  # noqa: S101
    return _(
        "Please grant the application “%(app)s” (%(client)s) the permission %(permissions)s in the directory of "
        "%(tenant)s. It needs it to send mail. A Global Administrator or a Privileged Role Administrator opens this "
        "address, signs in, and presses “Accept”:"
    ) % {
        "app": guide.app.name,
        "client": guide.app.client_id,
        "permissions": ", ".join(permissions),
        "tenant": guide.mailbox_tenant.name,
    }
