"""Forms for secrets. No form renders a secret value, not even after an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.registry import input_validation
from alertadmin.registry.models import Credential


class EndField(forms.CharField):
    """A date, optionally with a time; `SecretForm` interprets it in the tenant's time zone."""

    def __init__(self, *, example: str = "2028-11-22", **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"placeholder": example, "autocomplete": "off"}), **kwargs)


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
    starts_at = EndField(label=_("Start date"), required=False, example="2026-11-22")
    expires_at = EndField(
        label=_("Expires"), help_text=_('The column "Expires", as 2028-11-22; in the tenant\'s time zone.')
    )
    far_end_is_right = forms.BooleanField(
        required=False, label=_("Yes, the expiry date is right"), widget=forms.HiddenInput
    )

    halves = ("starts_at", "expires_at")

    def __init__(self, *args: Any, zone: ZoneInfo | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone or ZoneInfo("UTC")

    def clean_value(self) -> str:
        return input_validation.check_secret_value(self.cleaned_data["value"]) if self.cleaned_data["value"] else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "expires_at" not in self.fields:
            return data
        start, end = self._moment("starts_at"), self._moment("expires_at")
        if start and end and start >= end:
            self.add_error("expires_at", _("The expiry date must be later than the start date."))
        elif (
            end
            and not data.get("far_end_is_right")
            and (question := input_validation.implausible_expiry(end, timezone.now()))
        ):
            self.fields["far_end_is_right"].widget = forms.CheckboxInput()
            self.add_error("expires_at", question)
        return data

    def _moment(self, name: str) -> datetime | None:
        """Convert a cleaned value to a datetime in the tenant's time zone; None if empty."""
        text = self.cleaned_data.get(name)
        if not text:
            self.cleaned_data[name] = None
            return None
        try:
            moment = input_validation.parse_expiry(text, self.zone)
        except forms.ValidationError as error:
            self.add_error(name, error)
            return None
        self.cleaned_data[name] = moment
        return moment


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
        self.kept = [name for name in ("description", "starts_at", "expires_at") if name in self.fields]
