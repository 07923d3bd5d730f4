"""Forms for secrets. No form renders a secret value, not even after an error."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.ui.expiry_field import ExpiryField
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.registry import input_validation
from alertadmin.registry.models import Credential


class SecretForm(forms.Form):
    value = forms.CharField(
        label=_("Secret value"),
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            'The column "Value", shown once after the secret was created; not the "Secret ID". It is never shown again.'
        ),
    )
    description = NameField(label=_("Description"), required=False, max_length=200)
    starts_at = ExpiryField(label=_("Start date"), required=False, example="2026-11-22", kind="start")
    expires_at = ExpiryField(
        label=_("Expires"), help_text=_('The column "Expires", as 2028-11-22; in the tenant\'s time zone.')
    )
    far_end_is_right = forms.BooleanField(
        required=False, label=_("Yes, the expiry date is right"), widget=forms.HiddenInput
    )

    halves = ("starts_at", "expires_at")

    def __init__(self, *args: Any, zone: ZoneInfo | None = None, zone_from: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        return data


class CredentialForm(SecretForm):
    """Everything except the value, which only a replacement changes. A certificate defines its own dates."""

    value = None  # type: ignore[assignment]
    field_order = ["description", "starts_at", "expires_at", "far_end_is_right"]

    def __init__(self, *args: Any, credential: Credential, **kwargs: Any) -> None:
        zone = credential.app.tenant.zone
        initial = {"description": credential.description}
        for name in ("starts_at", "expires_at"):
            if moment := getattr(credential, name):
                initial[name] = f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
        super().__init__(*args, zone=zone, initial=initial, **kwargs)
        if credential.certificate:
            del self.fields["starts_at"], self.fields["expires_at"]
        # An unchanged date is left alone: its field shows no seconds.
        names = [name for name in ("description", "starts_at", "expires_at") if name in self.fields]
        self.kept = [name for name in names if not self.is_bound or name in self.changed_data]
