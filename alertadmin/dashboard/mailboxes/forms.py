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
        """Which one sends the reminders is moved by `save`: as long as another does, the constraint would object."""
        data = super().clean() or self.cleaned_data
        self.sends_reminders = bool(data.pop("sends_reminders", False))
        return data

    def save(self, commit: bool = True) -> Mailbox:
        """One mailbox sends the reminders: choosing this one takes it from the other."""
        with transaction.atomic():
            self.instance.sends_reminders = self.sends_reminders
            if self.sends_reminders:
                Mailbox.objects.filter(sends_reminders=True).exclude(pk=self.instance.pk).update(sends_reminders=False)
            mailbox: Mailbox = super().save(commit)
            return mailbox


class TestSendForm(forms.Form):
    recipient = forms.EmailField(label=_("To"))
    transport = forms.ChoiceField(label=_("By"), choices=Transport.choices, required=False)
