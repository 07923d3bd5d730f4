from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.email_list_field import EmailListField
from alertadmin.monitoring.models import Monthly


class MonthlyForm(forms.ModelForm):  # type: ignore[type-arg]
    emails = EmailListField(
        label=_("To"), help_text=_("Leave empty for the recipients of the installation, else its administrators.")
    )

    class Meta:
        model = Monthly
        fields = ["is_on", "day", "emails"]
        help_texts = {"day": _("1 to 28, at 8:00 UTC.")}

    def __init__(self, data: Any, instance: Monthly) -> None:
        super().__init__(data, instance=instance, initial={"emails": "\n".join(instance.emails)})

    def save(self, commit: bool = True) -> Monthly:
        with audit.record_save(AuditAction.MONTHLY_CHANGED, AuditAction.MONTHLY_CHANGED, self.instance):
            return super().save(commit)  # type: ignore[no-any-return]
