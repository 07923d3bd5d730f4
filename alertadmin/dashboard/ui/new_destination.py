"""Forms that change the destination of stored secrets: they require entering the secret again, or consent to remove
it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.crypto import keyring
from alertadmin.dashboard.ui.kept_secrets import PREFIX, KeptSecretsForm
from alertadmin.registry import input_validation
from alertadmin.registry.credentials import stored_secrets
from alertadmin.registry.models import AppRegistration, CredentialKind, Tenant
from alertadmin.stored_messages import render_error


class NewDestination(KeptSecretsForm, forms.ModelForm):  # type: ignore[type-arg]
    """`binding` names the fields that determine where the secrets of `apps` are sent. `save` of a subclass calls
    `settle` in its transaction after storing the row."""

    remove_secrets = forms.BooleanField(
        required=False,
        label=gettext_lazy("Remove the stored secrets. I will enter them again afterwards."),
        widget=forms.HiddenInput,
    )
    binding: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        answers = [self.add_prefix(name) for name in ("remove_secrets", "new_secret")]
        if any(self.data.get(name) or self.data.get(PREFIX + name) for name in answers):
            self.ask()

    def apps(self) -> stored_secrets.Apps:
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        moved = [] if self.instance._state.adding else self._moved(data)
        self.is_moved = bool(moved)
        if moved and (count := stored_secrets.count(self.apps())) and not self.is_answered(data):
            self.ask()
            self.add_error(moved[0], self.question(count))
        return data

    def _moved(self, data: dict[str, Any]) -> list[str]:
        """Binding fields that differ from the database. GUID notation is ignored; the model reports malformed IDs."""
        stored = type(self.instance)._default_manager.values(*self.binding).get(pk=self.instance.pk)
        moved = []
        for name in self.binding:
            with suppress(forms.ValidationError):
                field = self.instance._meta.get_field(name)
                if name in data and field.to_python(data[name]) != stored[name]:
                    moved.append(name)
        return moved

    def is_answered(self, data: dict[str, Any]) -> bool:
        return bool(data.get("remove_secrets"))

    def ask(self) -> None:
        self.fields["remove_secrets"].widget = forms.CheckboxInput()

    def question(self, count: int) -> str:
        words = ngettext(
            "%(count)d secret is stored for the current destination and is never sent elsewhere. Tick below to "
            "remove it, then enter it again.",
            "%(count)d secrets are stored for the current destination and are never sent elsewhere. Tick below "
            "to remove them, then enter them again.",
            count,
        )
        return words % {"count": count}

    def settle(self) -> None:
        if getattr(self, "is_moved", False):
            stored_secrets.delete_secrets(self.apps())


class AppDestination(NewDestination):
    """Destination of an app: for a new client ID the secret can be entered in the same form."""

    new_secret = forms.CharField(
        label=gettext_lazy("Secret value for this client ID"),
        required=False,
        strip=True,
        widget=forms.HiddenInput,
    )
    binding = ("client_id",)

    def apps(self) -> stored_secrets.Apps:
        return AppRegistration.objects.filter(pk=self.instance.pk)

    def clean_new_secret(self) -> str:
        value: str = self.cleaned_data["new_secret"]
        if not value:
            return ""
        try:
            keyring.load()  # before saving: without a key the secret could not be encrypted
        except keyring.KeyringError as error:
            raise forms.ValidationError(render_error(error)) from None
        return input_validation.check_secret_value(value)

    def is_answered(self, data: dict[str, Any]) -> bool:
        return super().is_answered(data) or bool(data.get("new_secret"))

    def ask(self) -> None:
        super().ask()
        # Never rendered, not even after an error.
        self.fields["new_secret"].widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})

    def question(self, count: int) -> str:
        return _(
            "The stored secret was entered for the other client ID, and is never sent for this one. Enter it again "
            "below, or tick to remove it."
        )

    def settle(self) -> None:
        super().settle()
        value = self.cleaned_data.get("new_secret")
        current = self.instance.credentials.filter(state="current", kind=CredentialKind.SECRET).first()
        if not getattr(self, "is_moved", False) or not value or current is None:
            return
        with audit.record_change(AuditAction.CREDENTIAL_CHANGED, current):
            current.app = self.instance
            current.store(value)
            current.proven_at = None
            current.save(update_fields=["value", "hint", "proven_at"])


class TenantDestination(NewDestination):
    """Destination of a tenant: its directory and cloud, for all its apps."""

    binding = ("directory_id", "cloud")

    def apps(self) -> stored_secrets.Apps:
        return AppRegistration.objects.filter(tenant=self.instance.pk)

    def clean(self) -> dict[str, Any]:
        cloud = self.cleaned_data.get("cloud")
        error = pairing_error(self.instance, cloud) if cloud and not self.instance._state.adding else ""
        data = super().clean()
        if error:
            self.add_error("cloud", error)
        return data


def pairing_error(tenant: Tenant, cloud: str) -> str:
    """Error text if mailboxes would send between clouds; empty if none would."""
    mailbox = stored_secrets.other_clouds(tenant, cloud).select_related("app").first()
    if mailbox is None or mailbox.app is None:
        return ""
    return _(
        "%(address)s sends through “%(app)s”, whose tenant would be in another cloud. An app's secret is sent "
        "only to its own cloud: delete that mailbox first, or change its app."
    ) % {"address": mailbox.address, "app": mailbox.app.name}
