from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.accounts.access import Access
from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.kept_secrets import KeptSecretsForm
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.registry import input_validation
from alertadmin.registry.clouds import password_destination, server_choices
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Mailbox, SignInAudience, Tenant
from alertadmin.registry.permissions import TransportName


def check_not_personal(address: str) -> str:
    """Raise ValidationError for an address that no app can send from on its own."""
    if input_validation.is_personal(address):
        raise forms.ValidationError(
            _("This is a personal account: no app can send for it on its own. Add it as a personal account instead."),
            code="personal",
        )
    return address


class SenderMailboxForm(forms.ModelForm):  # type: ignore[type-arg]
    """The field `sends_reminders`, which one mailbox has: choosing this mailbox clears it on the other. That mailbox
    also sends password links, so only an owner may choose it and all owners are notified (dashboard.ui.sender_guard).
    """

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not access.in_all_tenants(Right.GOVERN):
            del self.fields["sends_reminders"]
        else:
            self.fields["sends_reminders"].help_text = _(
                "The reminders of all tenants; invitations and password links are sent by it too, so choose a "
                "trusted mailbox. All owners are notified by mail."
            )
        for field in self.fields.values():
            if isinstance(field, ModelPickerField):
                field.fit(access)

    def clean(self) -> dict[str, Any]:
        """Leave the switch between the two mailboxes to `save`; the unique constraint would reject it here."""
        data = super().clean() or self.cleaned_data
        self.sends_reminders = bool(data.pop("sends_reminders", self.instance.sends_reminders))
        return data

    def save(self, commit: bool = True) -> Mailbox:
        """Save the mailbox. With `commit=False` the caller saves and audits it inside `replace_sender`."""
        self.instance.sends_reminders = self.sends_reminders
        if not commit:
            return super().save(commit=False)  # type: ignore[no-any-return]
        with (
            self.replace_sender(),
            audit.record_save(AuditAction.MAILBOX_CREATED, AuditAction.MAILBOX_CHANGED, self.instance),
        ):
            mailbox: Mailbox = super().save()
            if mailbox.app is not None:
                sync_required_consents([mailbox.app])
            return mailbox

    @contextmanager
    def replace_sender(self) -> Iterator[None]:
        """Clear the flag on the other mailbox if this one is to send. Its change is audited last: owners are notified
        once, with the final sender."""
        others = Mailbox.objects.filter(sends_reminders=True).exclude(pk=self.instance.pk)
        with transaction.atomic(), ExitStack() as recorded:
            for other in others if self.sends_reminders else ():
                recorded.enter_context(audit.record_change(AuditAction.MAILBOX_CHANGED, other))
                Mailbox.objects.filter(pk=other.pk).update(sends_reminders=False)
            yield


class AppPickerField(ModelPickerField):
    def label_from_instance(self, obj: AppRegistration) -> str:
        return f"{obj.name} ({obj.tenant.name})"


class MailboxForm(SenderMailboxForm):
    """A mailbox of Exchange Online, through an app registration."""

    app = AppPickerField(
        AppRegistration.objects.select_related("tenant"),
        by=("client_id", "name"),
        label=_("App registration"),
    )
    tenant = ModelPickerField(
        Tenant.objects.all(),
        by=("directory_id", "name"),
        label=_("Tenant"),
        required=False,
        help_text=_(
            "The directory of the mailbox. Leave empty for the app's own; a multitenant app can send in others."
        ),
    )

    class Meta:
        model = Mailbox
        fields = ["address", "app", "transport", "tenant", "sends_reminders"]

    halves = ("address", "app", "transport", "tenant")

    def clean_address(self) -> str:
        return check_not_personal(self.cleaned_data["address"])

    def clean_app(self) -> AppRegistration:
        app: AppRegistration = self.cleaned_data["app"]
        if app.audience == SignInAudience.PERSONAL:
            raise forms.ValidationError(
                _("This app is for personal accounts only. Add the mailbox as a personal account instead."),
                code="personal",
            )
        return app

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not data.get("tenant") and (app := data.get("app")):
            data["tenant"] = app.tenant
        return data


class PersonalForm(SenderMailboxForm):
    """A personal account, which signs in after saving. A changed app, address or transport needs a new sign-in."""

    app = AppPickerField(
        AppRegistration.objects.select_related("tenant"),
        by=("client_id", "name"),
        label=_("App registration"),
        help_text=_("Its tenant's contacts are notified before the sign-in expires."),
    )
    transport = forms.ChoiceField(
        label=_("Sends by"),
        choices=[(one.value, one.label) for one in (TransportName.GRAPH, TransportName.SMTP)],
    )

    class Meta:
        model = Mailbox
        fields = ["address", "app", "transport", "sends_reminders"]
        help_texts = {"address": _("The address that signs in, for example alarms@outlook.com.")}

    halves = ("address", "app", "transport")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.is_personal = True

    def clean_app(self) -> AppRegistration:
        app: AppRegistration = self.cleaned_data["app"]
        if app.audience not in (SignInAudience.ALL, SignInAudience.PERSONAL):
            raise forms.ValidationError(
                _(
                    "This app does not allow personal accounts. Change its supported account types in the "
                    "portal, then on its page here."
                ),
                code="audience",
            )
        if app.tenant.mail_cloud.personal_smtp is None:
            raise forms.ValidationError(
                _("There are no personal accounts in the cloud of this app's tenant."), code="cloud"
            )
        # The contacts of this tenant are notified.
        self.instance.tenant = app.tenant
        return app

    def save(self, commit: bool = True) -> Mailbox:
        if {"address", "app", "transport"} & set(self.changed_data):
            self.instance.refresh_token = None
            self.instance.signed_in_at = self.instance.sign_in_ends_at = None
        return super().save(commit)


class OnPremisesForm(KeptSecretsForm, SenderMailboxForm):
    """A mailbox of an Exchange server on premises, with a login. The password is never rendered."""

    tenant = ModelPickerField(Tenant.objects.all(), by=("directory_id", "name"), label=_("Tenant"))
    server = forms.ChoiceField(label=_("Exchange server"))
    new_password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Mailbox
        fields = ["address", "tenant", "server", "username", "login_kind", "sends_reminders"]
        help_texts = {
            "username": _("The name on the server, for example PLANT\\svc-alert. Leave empty for the address."),
            "login_kind": _("NTLM, unless the server offers only Basic."),
        }

    field_order = ["address", "tenant", "server", "login_kind", "username", "new_password", "sends_reminders"]
    halves = tuple(field_order[:-1])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["server"].choices = server_choices()  # type: ignore[attr-defined]
        self.stored_for = None if self.instance._state.adding else password_destination(self.instance)
        self.instance.transport = TransportName.EWS
        if self.instance.password is not None:
            self.fields["new_password"].help_text = _("Leave empty to keep the stored password, which is never shown.")
        else:
            self.fields["new_password"].required = True

    def full_clean(self) -> None:
        """Require the password again if login or server changed: it is bound to them."""
        super().full_clean()
        stored = self.instance.password
        if not self.is_bound or stored is None or self.cleaned_data.get("new_password") or self.errors:
            return
        if self.stored_for != password_destination(self.instance) or stored.destination_changed():
            self.add_error(
                "new_password",
                _(
                    "The stored password was entered for another server, login, address or tenant, and is never sent "
                    "to this one. Enter the password again."
                ),
            )

    def save(self, commit: bool = True) -> Mailbox:
        """Save the mailbox. Raises KeyringError if no key can encrypt the password; nothing is stored then."""
        if password := self.cleaned_data["new_password"]:
            self.instance.password = password
        return super().save(commit)


class TestSendForm(forms.Form):
    halves = ("recipient", "transport")
    recipient = EmailAddressInput(label=_("To"))
    transport = forms.ChoiceField(label=_("By"), choices=TransportName.choices)

    def __init__(self, *args: Any, mailbox: Mailbox, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if mailbox.is_on_premises or mailbox.is_personal:
            del self.fields["transport"]
