from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import Transport


class MailboxForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Mailbox
        fields = ["app", "tenant", "address", "transport", "sends_reminders"]

    def clean(self) -> dict[str, Any]:
        return super().clean() or self.cleaned_data

    def save(self, commit: bool = True) -> Mailbox:
        """One mailbox sends the reminders: choosing this one takes it from the other."""
        with transaction.atomic():
            if self.instance.sends_reminders:
                Mailbox.objects.filter(sends_reminders=True).exclude(pk=self.instance.pk).update(sends_reminders=False)
            return super().save(commit)

    def validate_constraints(self) -> None:
        """The one that sends the reminders is moved by `save`, so it cannot clash here."""
        chosen, self.instance.sends_reminders = self.instance.sends_reminders, False
        super().validate_constraints()
        self.instance.sends_reminders = chosen


class TestSendForm(forms.Form):
    recipient = forms.EmailField(label=_("To"))
    transport = forms.ChoiceField(label=_("By"), choices=Transport.choices, required=False)
