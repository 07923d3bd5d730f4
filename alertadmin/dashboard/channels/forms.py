from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.dashboard.channels.service_catalog import ChannelKind
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.outbox import messages
from alertadmin.outbox.channels import address_hint, transport
from alertadmin.outbox.channels.apprise.service import Service
from alertadmin.outbox.models import Channel, Level
from alertadmin.stored_messages import render_stored

NEVER = 0
"""What stands for no line in the form."""


class HiddenSecretInput(forms.TextInput):
    """What is typed is seen, and never sent back: a page holds no address."""

    def format_value(self, value: Any) -> None:
        return None


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    new_address = forms.CharField(
        label=_("Address"), widget=HiddenSecretInput(attrs={"autocomplete": "off", "spellcheck": "false"}), strip=True
    )
    line = forms.TypedChoiceField(label=_("Told of what ends"), coerce=int)

    class Meta:
        model = Channel
        fields = ["name", "line", "is_last_resort"]
        field_classes = {"name": NameField}
        labels = {"is_last_resort": _("Last resort: what no mail could tell is told here, and for whom it was")}

    field_order = ["name", "new_address", "line", "is_last_resort"]

    def __init__(self, *args: Any, kind: ChannelKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.service: Service | None = None
        self.new_key = ""
        """A webhook's, once a new address is saved; shown once."""
        stored = self.instance.address is not None
        self.fields["new_address"].required = not stored
        keeps = (
            gettext(
                "Empty: the stored address stays. It is never shown. A webhook’s new address takes a new signing key."
            )
            if self.instance.can_be_signed and stored
            else gettext("Empty: the stored address stays. It is never shown.")
            if stored
            else gettext("Stored encrypted, never shown again.")
        )
        example = gettext("Such as %(example)s") % {"example": kind.example}
        self.fields["new_address"].help_text = f"{keeps} {example}"
        choices: list[tuple[Any, Any]] = list(Level.choices)
        if self.instance.tenant_id or self.instance.app_id:
            del self.fields["is_last_resort"]
        else:
            choices.append((NEVER, gettext("Never, but as a last resort")))
            if stored and self.instance.line is None:
                self.initial["line"] = NEVER
        self.fields["line"].choices = choices  # type: ignore[attr-defined]

    def clean_new_address(self) -> str:
        address: str = self.cleaned_data["new_address"]
        if not address:
            return ""
        self.service = transport.check_address(address)
        if self.kind.services and self.service.kind not in self.kind.services:
            raise forms.ValidationError(
                gettext(
                    "This address leads to %(found)s, not to %(wanted)s. Paste the other one, or choose that kind."
                ),
                params={"found": self.service.label, "wanted": self.kind.label},
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
                "line", gettext("It would never be told of anything. Choose when it is, or tick the last resort.")
            )
        return data

    def save(self, commit: bool = True) -> Channel:
        """Raises KeyringError if there is no key to seal the address with; then nothing is stored."""
        channel: Channel = self.instance
        if (address := self.cleaned_data["new_address"]) and self.service is not None:
            channel.address = address
            channel.service, channel.label = self.service.kind, str(self.service.label)
            channel.hint = address_hint.hint_of_address(address)
            # The old key signed for the old address: the new one could pass on what it is sent.
            channel.signing_key = None
            self.new_key = channel.renew_signing_key() if channel.can_be_signed else ""
        with audit.record_save(AuditAction.CHANNEL_CREATED, AuditAction.CHANNEL_CHANGED, channel):
            saved: Channel = super().save(commit)
        return saved
