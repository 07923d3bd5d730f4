from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts import languages
from alertadmin.accounts.access import Access
from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right, Role, can_grant
from alertadmin.accounts.services.role_grants import RoleGrantRefused
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.registry.models import Tenant


class RoleForm(forms.Form):
    """A role in one scope; offers the roles that the user may grant."""

    role = forms.ChoiceField(label=gettext_lazy("Role"))
    tenant = ModelPickerField(
        Tenant.objects.order_by("name"),
        by=("name", "directory_id", "id"),
        label=gettext_lazy("Scope"),
        required=False,
        empty_label=gettext_lazy("All tenants"),
    )

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        field: Any = self.fields["tenant"]
        field.fit(access, Right.PEOPLE)
        if not access.in_all_tenants(Right.PEOPLE):
            field.required, field.empty_label = True, None
        roles: Any = self.fields["role"]
        roles.choices = [(role.value, role.label) for role in reversed(Role) if self._may_somewhere(role)]

    def _may_somewhere(self, role: Role) -> bool:
        return any(can_grant(rights, role) for rights in self.access.rights_by_scope())

    @property
    def scope(self) -> Any:
        tenant = self.cleaned_data["tenant"]
        return tenant.pk if tenant else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not can_grant(self.access.rights_in(self.scope), Role(data["role"])):
            raise forms.ValidationError(str(RoleGrantRefused()))
        return data


class InviteForm(RoleForm):
    address = EmailAddressInput(label=gettext_lazy("E-mail address"))
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the mail"), required=False, choices=[("", "–"), *settings.LANGUAGES]
    )
    field_order = ("address", "role", "tenant", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language: Any = self.fields["language"]
        language.choices = languages.of_a_tenant()

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"])
        # Only for users who see all accounts: others would learn who has one.
        if self.access.in_all_tenants(Right.PEOPLE) and User.objects.by_address(address) is not None:
            raise forms.ValidationError(_("This user already has an account. Give the role on their page."))
        return address
