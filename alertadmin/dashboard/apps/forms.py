from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.new_destination import AppDestination
from alertadmin.registry.models import AppRegistration
from alertadmin.registry.permissions import Permission


class AppForm(AppDestination):
    permissions = forms.MultipleChoiceField(
        label=_("Required permissions"),
        choices=Permission.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=[Permission.MAIL_SEND],
        help_text=_(
            "Application permissions: Mail.Send for Graph, full_access_as_app for EWS, SMTP.SendAsApp for SMTP."
        ),
    )

    class Meta:
        model = AppRegistration
        fields = ["name", "client_id", "audience", "redirect_uri", "permissions", "owner", "notes"]
        field_classes = {"name": NameField}
        widgets = {"notes": forms.Textarea(attrs={"rows": 2})}

    field_order = ["name", "client_id", "new_secret", "remove_secrets"]
    halves = ("name", "client_id")

    def save(self, commit: bool = True) -> AppRegistration:
        if not commit:
            return super().save(commit=False)  # type: ignore[no-any-return]
        with audit.record_save(AuditAction.APP_CREATED, AuditAction.APP_CHANGED, self.instance):
            super().save()
            self.settle()
        app: AppRegistration = self.instance
        return app
