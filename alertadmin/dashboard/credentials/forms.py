"""Forms for secrets. No form renders a secret value, not even after an error."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.ui.expiry_field import ExpiryField, was_shown
from alertadmin.dashboard.ui.kept_secrets import KeptSecretsForm
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.registry import guid, input_validation
from alertadmin.registry.models import Credential, CredentialKind

CERTIFICATE_ID_HELP = _('The column "Certificate ID" of the portal; not the thumbprint.')


class KeyIdField(forms.CharField):
    """Entra's key ID of a credential; optional."""

    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        return guid.normalize(text) if text else ""


class SecretForm(KeptSecretsForm, forms.Form):
    value = forms.CharField(
        label=_("Secret value"),
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            'The column "Value", shown once after the secret was created; not the "Secret ID". It is never shown again.'
        ),
    )
    only_monitor = forms.BooleanField(
        required=False,
        label=_("Only monitor it"),
        help_text=_(
            "The secret in use stays, and the value may be left empty. Otherwise this secret is put into use once it "
            "is verified, and the one in use is superseded."
        ),
    )
    description = NameField(label=_("Description"), required=False, max_length=200)
    key_id = KeyIdField(
        label=_("Secret ID"), help_text=_('The column "Secret ID": it tells apart several secrets of one app.')
    )
    starts_at = ExpiryField(label=_("Start date"), required=False, example="2026-11-22", kind="start")
    expires_at = ExpiryField(
        label=_("Expires"), help_text=_('The column "Expires", as 2028-11-22; in the tenant\'s time zone.')
    )
    far_end_is_right = forms.BooleanField(
        required=False, label=_("Yes, the expiry date is right"), widget=forms.HiddenInput
    )

    halves = ("starts_at", "expires_at")

    def __init__(
        self,
        *args: Any,
        zone: ZoneInfo | None = None,
        zone_from: str = "",
        may_only_monitor: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not may_only_monitor:
            del self.fields["only_monitor"]
        elif forms.CheckboxInput().value_from_datadict(self.data, self.files, self.add_prefix("only_monitor")):
            self.fields["value"].required = False
        for field in self.fields.values():
            if isinstance(field, ExpiryField):
                field.zone, field.zone_from = zone or ZoneInfo("UTC"), zone_from

    def clean_value(self) -> str:
        return input_validation.check_secret_value(self.cleaned_data["value"]) if self.cleaned_data["value"] else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "expires_at" not in self.fields:
            return data
        start, end = data.get("starts_at"), data.get("expires_at")
        if start and end and start >= end:
            self.add_error("expires_at", _("The expiry date must be later than the start date."))
        elif (
            end
            and "expires_at" in self.changed_data
            and not data.get("far_end_is_right")
            and (question := input_validation.expiry_question(end, timezone.now()))
        ):
            self.fields["far_end_is_right"].widget = forms.CheckboxInput()
            self.add_error("expires_at", question)
        else:
            self._show_unseen(data)
        return data

    def _show_unseen(self, data: dict[str, Any]) -> None:
        """Ask to check dates whose words the user has not seen, as without scripts."""
        for name in ("starts_at", "expires_at"):
            moment = data.get(name)
            if moment and name in self.changed_data and not was_shown(self.data, self.add_prefix(name), moment):
                self.add_error(name, _("Check how this date was read, below it, and save again."))


class CredentialForm(SecretForm):
    """Everything except the value, which only a replacement changes. A certificate defines its own dates."""

    value = None  # type: ignore[assignment]
    field_order = ["description", "key_id", "starts_at", "expires_at", "far_end_is_right"]

    def __init__(self, *args: Any, credential: Credential, **kwargs: Any) -> None:
        zone = credential.app.tenant.zone
        self.credential = credential
        initial = {"description": credential.description, "key_id": credential.key_id}
        for name in ("starts_at", "expires_at"):
            if moment := getattr(credential, name):
                initial[name] = f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
        super().__init__(*args, zone=zone, initial=initial, **kwargs)
        if credential.certificate:
            del self.fields["starts_at"], self.fields["expires_at"]
        if credential.kind == CredentialKind.CERTIFICATE:
            self.fields["key_id"] = KeyIdField(label=_("Certificate ID"), help_text=CERTIFICATE_ID_HELP)
        # An unchanged date is left alone: its field shows no seconds.
        names = [name for name in ("description", "key_id", "starts_at", "expires_at") if name in self.fields]
        self.kept = [name for name in names if not self.is_bound or name in self.changed_data]

    def clean_key_id(self) -> str:
        key_id: str = self.cleaned_data["key_id"]
        same = Credential.objects.filter(app=self.credential.app_id, key_id=key_id).exclude(pk=self.credential.pk)
        if key_id and same.exists():
            raise forms.ValidationError(_("This app already has a secret with this ID."))
        return key_id
