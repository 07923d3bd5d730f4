from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.dashboard.channels.service_catalog import ChannelKind
from alertadmin.dashboard.ui.kept_secrets import KeptSecretsForm
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.outbox import messages
from alertadmin.outbox.channels import address_forms, address_hint, transport
from alertadmin.outbox.channels.apprise.service import Service
from alertadmin.outbox.models import Channel, Level
from alertadmin.stored_messages import render_stored

NEVER = 0
"""Form value for a channel that is notified as a fallback only."""


class HiddenSecretInput(forms.TextInput):
    """A text input that never renders its value: no page contains the address."""

    def format_value(self, value: Any) -> None:
        return None


class ChannelForm(KeptSecretsForm, forms.ModelForm):  # type: ignore[type-arg]
    new_address = forms.CharField(
        label=_("Address"), widget=HiddenSecretInput(attrs={"autocomplete": "off", "spellcheck": "false"}), strip=True
    )
    line = forms.TypedChoiceField(label=_("Notified of expiring secrets"), coerce=int)

    class Meta:
        model = Channel
        fields = ["name", "line", "is_last_resort"]
        field_classes = {"name": NameField}
        labels = {
            "is_last_resort": _("Fallback channel: receives what no mail could deliver, with the name of the recipient")
        }

    field_order = ["name", "new_address", "line", "is_last_resort"]

    def __init__(self, *args: Any, kind: ChannelKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.service: Service | None = None
        self.new_key = ""
        """New signing key of a webhook after its address changed; shown once."""
        stored = self.instance.address is not None
        self.fields["new_address"].required = not stored
        keeps = (
            gettext(
                "Leave empty to keep the stored address, which is never shown. A webhook with a new address "
                "gets a new signing key."
            )
            if self.instance.can_be_signed and stored
            else gettext("Leave empty to keep the stored address, which is never shown.")
            if stored
            else gettext("Stored encrypted, never shown again.")
        )
        example = gettext("For example %(example)s") % {"example": kind.example}
        self.fields["new_address"].help_text = f"{keeps} {example}"
        choices: list[tuple[Any, Any]] = list(Level.choices)
        if self.instance.tenant_id or self.instance.app_id:
            del self.fields["is_last_resort"]
        else:
            choices.append((NEVER, gettext("Never, except as a fallback")))
            if stored and self.instance.line is None:
                self.initial["line"] = NEVER
        self.fields["line"].choices = choices  # type: ignore[attr-defined]

    def clean_new_address(self) -> str:
        address = address_forms.normalize(self.cleaned_data["new_address"])
        if not address:
            return ""
        self.service = transport.check_address(address)
        if self.kind.services and self.service.kind not in self.kind.services:
            raise forms.ValidationError(
                gettext(
                    "This address is for %(found)s, not for %(wanted)s. Paste the right address, or choose that kind. "
                    "An address for %(wanted)s: %(example)s"
                ),
                params={
                    "found": self.service.label,
                    "wanted": self.kind.label,
                    "example": self.kind.own_server or self.kind.example,
                },
            )
        if address_hint.is_internal(address, settings.INSIDE_TARGETS):
            raise forms.ValidationError(render_stored(messages.INTERNAL_ADDRESS))
        return address

    def clean_line(self) -> int | None:
        line: int = self.cleaned_data["line"]
        return None if line == NEVER else line

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "line" in data and data["line"] is None and not data.get("is_last_resort"):
            self.add_error(
                "line", gettext("This channel would never be notified. Choose when it is, or tick the fallback.")
            )
        return data

    def save(self, commit: bool = True) -> Channel:
        """Save the channel. Raises KeyringError if no key can encrypt the address; nothing is stored then."""
        channel: Channel = self.instance
        if (address := self.cleaned_data["new_address"]) and self.service is not None:
            channel.address = address
            channel.service, channel.label = self.service.kind, str(self.service.label)
            channel.parts = [list(part) for part in self.service.parts]
            channel.hint = address_hint.hint_of_address(address)
            # The receiver at the old address knows the old key and could forge messages to the new one.
            channel.signing_key = None
            self.new_key = channel.renew_signing_key() if channel.can_be_signed else ""
        with audit.record_save(AuditAction.CHANNEL_CREATED, AuditAction.CHANNEL_CHANGED, channel):
            saved: Channel = super().save(commit)
        return saved
