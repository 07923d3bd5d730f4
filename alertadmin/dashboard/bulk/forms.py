"""What an action asks for before it starts. `parameters` returns it as JSON values, to be stored with the job."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts import languages
from alertadmin.accounts.access import Access
from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.email_list_field import ContactListField
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput
from alertadmin.registry.models import Tenant

ACKNOWLEDGED_DAYS = 30


class ActionForm(forms.Form):
    """Without fields: for an action that needs nothing more."""

    def __init__(self, *args: Any, access: Access, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access, self.user = access, user

    def parameters(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class ContactsForm(ActionForm):
    contacts = ContactListField(label=gettext_lazy("Contacts"), help_text=gettext_lazy("One e-mail address per line."))
    keep = forms.TypedChoiceField(
        label=gettext_lazy("Present contacts"),
        choices=[("keep", gettext_lazy("keep, and add these")), ("replace", gettext_lazy("replace by these"))],
        initial="keep",
        widget=forms.RadioSelect,
    )

    def clean_contacts(self) -> list[str]:
        if not self.cleaned_data["contacts"]:
            raise forms.ValidationError(_("Enter at least one address."))
        return list(self.cleaned_data["contacts"])

    def parameters(self) -> dict[str, Any]:
        return {"contacts": self.cleaned_data["contacts"], "keep": self.cleaned_data["keep"] == "keep"}


class TimeZoneForm(ActionForm):
    value = forms.CharField(label=gettext_lazy("Time zone"), widget=TimeZoneInput)

    def clean_value(self) -> str:
        field = Tenant._meta.get_field("time_zone")
        return str(field.clean(self.cleaned_data["value"], None))


class LanguageForm(ActionForm):
    value = forms.ChoiceField(label=gettext_lazy("Language"), choices=languages.of_a_tenant, required=False)


class PolicyForm(ActionForm):
    like = ModelPickerField(
        Tenant.objects.all(),
        by=("name", "directory_id"),
        label=gettext_lazy("Same schedule and times as"),
        required=False,
        help_text=gettext_lazy("Leave empty to follow the policy of the installation. Recipients do not change."),
    )

    def __init__(self, *args: Any, access: Access, user: User, **kwargs: Any) -> None:
        super().__init__(*args, access=access, user=user, **kwargs)
        picker = self.fields["like"]
        assert isinstance(picker, ModelPickerField)  # noqa: S101 (declared above)
        picker.fit(access, Right.LOOK)

    def parameters(self) -> dict[str, Any]:
        like = self.cleaned_data["like"]
        return {"like": str(like.pk) if like else ""}


class AcknowledgeForm(ActionForm):
    until = forms.DateField(
        label=gettext_lazy("Until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("In the last week before a secret expires, reminders are sent again."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, required=False)

    def __init__(self, *args: Any, access: Access, user: User, **kwargs: Any) -> None:
        super().__init__(*args, access=access, user=user, **kwargs)
        self.fields["until"].initial = timezone.localdate() + timedelta(days=ACKNOWLEDGED_DAYS)

    def parameters(self) -> dict[str, Any]:
        end = datetime.combine(self.cleaned_data["until"], time(23, 59), timezone.get_current_timezone())
        return {"until": end.astimezone(UTC).isoformat(), "reason": self.cleaned_data["reason"]}


class SendTestForm(ActionForm):
    recipient = EmailAddressInput(label=gettext_lazy("To"))

    def __init__(self, *args: Any, access: Access, user: User, **kwargs: Any) -> None:
        super().__init__(*args, access=access, user=user, **kwargs)
        self.fields["recipient"].initial = user.email

    def parameters(self) -> dict[str, Any]:
        return {"recipient": str(self.cleaned_data["recipient"])}


FORMS: dict[str, type[ActionForm]] = {
    "contacts": ContactsForm,
    "time_zone": TimeZoneForm,
    "language": LanguageForm,
    "policy": PolicyForm,
    "acknowledge": AcknowledgeForm,
    "send_test": SendTestForm,
}
"""By the action's name; the others need nothing."""
