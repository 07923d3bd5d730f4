from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts import languages
from alertadmin.accounts.access import Access
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right, Role, can_grant
from alertadmin.accounts.services.role_grants import RoleGrantRefused
from alertadmin.dashboard.ui.email_list_field import ContactListField
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.dashboard.ui.tenant_list_field import TenantListField
from alertadmin.registry.models import Tenant


def may_grant_somewhere(access: Access, role: Role) -> bool:
    return any(can_grant(rights, role) for rights in access.rights_by_scope())


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
        roles.choices = [(role.value, role.label) for role in reversed(Role) if may_grant_somewhere(access, role)]

    @property
    def scope(self) -> Any:
        tenant = self.cleaned_data["tenant"]
        return tenant.pk if tenant else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not can_grant(self.access.rights_in(self.scope), Role(data["role"])):
            raise forms.ValidationError(str(RoleGrantRefused()))
        return data


ALL, SOME = "all", "some"


class InviteForm(forms.Form):
    """Several addresses at once, each with one role in all tenants or in some. Neither role nor place has a default."""

    address = ContactListField(label=gettext_lazy("E-mail addresses"), help_text=gettext_lazy("One per line."))
    role = forms.ChoiceField(label=gettext_lazy("Role"))
    place = forms.ChoiceField(
        label=gettext_lazy("Where"),
        widget=forms.RadioSelect,
        choices=[(ALL, gettext_lazy("All tenants, also future ones")), (SOME, gettext_lazy("These tenants"))],
    )
    tenant = TenantListField(label=gettext_lazy("Tenants"))
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the mail"), required=False, choices=[("", "–"), *settings.LANGUAGES]
    )

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access = access
        fields: Any = self.fields
        fields["address"].required = True
        fields["tenant"].fit(access, Right.PEOPLE)
        if not access.in_all_tenants(Right.PEOPLE):
            del fields["place"]
        roles = [(role.value, role.label) for role in reversed(Role) if may_grant_somewhere(access, role)]
        fields["role"].choices = [("", _("Choose a role")), *roles]
        fields["language"].choices = languages.of_a_tenant()

    @property
    def scopes(self) -> list[Any]:
        """Ids of the tenants; None for all of them."""
        if self.cleaned_data.get("place") == ALL:
            return [None]
        return [tenant.pk for tenant in self.cleaned_data["tenant"]]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if data.get("place") == ALL and data["tenant"]:
            self.add_error("place", _("Choose all tenants, or name some: not both."))
        elif data.get("place") != ALL and not data["tenant"]:
            self.add_error("tenant", _("Name at least one tenant."))
        elif not all(can_grant(self.access.rights_in(scope), Role(data["role"])) for scope in self.scopes):
            raise forms.ValidationError(str(RoleGrantRefused()))
        return data

    def clean_address(self) -> list[str]:
        addresses: list[str] = self.cleaned_data["address"]
        # Only for users who see all accounts: others would learn who has one.
        if self.access.in_all_tenants(Right.PEOPLE):
            known = [address for address in addresses if User.objects.by_address(address) is not None]
            if known:
                words = _("%(addresses)s already has an account: give the role on that user’s page.")
                raise forms.ValidationError(words % {"addresses": ", ".join(known)})
        return addresses
