"""Model choice: a select for few rows, a text field matching name or ID for many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import CharField, Model, Q, QuerySet
from django.forms.models import ModelChoiceIterator
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.registry.folded_text import LOOKUP, fold

MOST_LISTED = 200
"""Options up to which a select is usable and fast."""


class NameOrder(ModelChoiceIterator):  # type: ignore[type-arg]
    """The options as a reader looks for them: "Élodie" beside "Eve", which databases sort apart."""

    def __iter__(self) -> Iterator[Any]:
        options = list(super().__iter__())
        return iter(sorted(options, key=lambda option: (bool(option[0]), fold(str(option[1])))))


class ModelPickerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """`by` names the fields that a typed text may match: as it is, or else without regard to case and accents."""

    iterator = NameOrder
    default_error_messages = {
        "unknown": _("“%(text)s” was not found. Copy the name or the ID from its page."),
        "several": _("Several have the name “%(text)s”. Enter the ID from its page instead."),
    }

    def __init__(self, queryset: QuerySet[Any], *, by: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(queryset, **kwargs)
        self.by = by

    def fit(self, access: Access, right: Right = Right.CHANGE) -> None:
        """Called by each form: limit the choices to rows on which the user has the right; switch to a text field if
        there are too many."""
        if self.queryset is not None:
            self.queryset = access.visible(self.queryset, right)
        if self.queryset is not None and self.queryset[MOST_LISTED : MOST_LISTED + 1].exists():
            self.widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
            self.help_text = _("Its name, or its ID.")

    def prepare_value(self, value: Any) -> Any:
        if isinstance(self.widget, forms.TextInput) and isinstance(value, Model | UUID):
            row = value if isinstance(value, Model) else self.queryset.filter(pk=value).first()  # type: ignore[union-attr]
            return getattr(row, self.by[0], value)
        return super().prepare_value(value)

    def _readings(self, text: str) -> list[tuple[str, str]]:
        """The fields that can hold the text: a name is not an ID."""
        readings = []
        for name in self.by:
            try:
                readings.append((name, self.queryset.model._meta.get_field(name).to_python(text)))  # type: ignore[union-attr]
            except ValidationError:
                continue
        return readings

    def _folded(self, text: str) -> list[Any]:
        """At most two rows whose name differs from the text in case and accents alone."""
        rows, folded, keys = self.queryset, fold(text), []
        if rows is None or not folded:
            return []
        for name in self.by:
            if type(rows.model._meta.get_field(name)) is CharField:
                names = rows.filter(**{f"{name}__{LOOKUP}": text}).order_by().values_list("pk", name)
                keys += [key for key, spelled in names.iterator() if fold(spelled) == folded]
        return list(rows.filter(pk__in=keys[:2]))

    def to_python(self, value: Any) -> Any:
        if not isinstance(self.widget, forms.TextInput) or not isinstance(value, str):
            return super().to_python(value)
        text = value.strip()
        if not text:
            return None
        matching = Q(*self._readings(text), _connector=Q.OR)
        found = list(self.queryset.filter(matching)[:2]) if matching else []  # type: ignore[union-attr]
        found = found or self._folded(text)
        if len(found) == 1:
            return found[0]
        code = "several" if found else "unknown"
        raise ValidationError(self.error_messages[code], code=code, params={"text": text[:80]})
