"""A field for several tenants, by name or ID: one text field each, with suggestions."""

from __future__ import annotations

import copy
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.registry.models import Tenant

MOST_SUGGESTED = 1000
"""Names sent along with the page; of more tenants the name or ID is typed."""


class TenantListInput(forms.Widget):
    """One text field for each value and an empty one. `suggested` are the names that the browser suggests."""

    template_name = "users/tenant_list_input.html"
    suggested: list[str]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name)) if hasattr(data, "getlist") else list(data.get(name) or [])

    def format_value(self, value: Any) -> list[str]:
        return [text for text in map(str, value or []) if text.strip()]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["values"] = [*self.format_value(value), ""]
        context["widget"]["suggested"] = self.suggested
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def use_required_attribute(self, initial: Any) -> bool:
        return False


class TenantListField(forms.Field):
    """Cleaned to the tenants, each once."""

    widget = TenantListInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, help_text=_("Names or IDs."), **kwargs)
        self.picker = ModelPickerField(Tenant.objects.order_by("name"), by=("name", "directory_id", "id"))

    def __deepcopy__(self, memo: dict[int, Any]) -> TenantListField:
        """Each form has a picker of its own, since `fit` limits it."""
        copied = super().__deepcopy__(memo)
        copied.picker = copy.deepcopy(self.picker, memo)
        return copied

    def fit(self, access: Access, right: Right) -> None:
        """Called by each form: limit the tenants to those in which the user has the right."""
        self.picker.fit(access, right)
        self.picker.widget = forms.TextInput()
        queryset = self.picker.queryset
        names = list(queryset.values_list("name", flat=True)[: MOST_SUGGESTED + 1]) if queryset is not None else []
        widget: Any = self.widget
        widget.suggested = names if len(names) <= MOST_SUGGESTED else []

    def clean(self, value: Any) -> list[Tenant]:
        found: dict[Any, Tenant] = {}
        for text in value or []:
            tenant = self.picker.to_python(str(text))
            if tenant is not None:
                found[tenant.pk] = tenant
        return list(found.values())
