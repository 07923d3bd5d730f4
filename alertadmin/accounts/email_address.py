"""E-mail addresses in forms and models. Input is normalised to the stored form, which mails are sent to; a second
column has the canonical form, which lookups and unique constraints use.

The rule is `mailer.email_address`. Nothing else may change an address's letter case, including the database: `lower()`
and collations differ between databases.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _

from mailer.email_address import EmailAddress, Flaw, InvalidAddress, canonical
from mailer.pasted_address import parse_pasted

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
    _EmailField = models.EmailField[str, str]
else:
    _CharField = models.CharField
    _EmailField = models.EmailField

LONGEST = 254


def clean(text: str) -> EmailAddress:
    """Parse the one address in a typed or pasted text. Raises ValidationError, whose message says what to change."""
    try:
        return parse_pasted(text)
    except InvalidAddress as error:
        raise ValidationError(_explain(error), code=error.flaw.value) from None


def clean_stored(text: str) -> str:
    """Normalise an address to the stored form. Raises ValidationError."""
    return clean(text).stored


def error_in(text: str) -> str:
    """What to change in a text that is no address; empty if it is one."""
    try:
        clean(text)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _explain(error: InvalidAddress) -> str:
    if error.flaw == Flaw.HIDDEN:
        code = f"U+{ord(error.character):04X}"
        return _("This address contains a hidden character (%(code)s). Enter it again.") % {"code": code}
    if error.flaw == Flaw.DOMAIN:
        return _("The part after the @ is not a domain. Write the address like this: name@example.com.")
    if error.flaw == Flaw.LOCAL_PART:
        return _(
            "Before the @, use letters, digits, dots between them and characters such as + and -. Write the "
            "address like this: name@example.com."
        )
    if error.flaw == Flaw.TOO_LONG:
        return _("This is too long for an e-mail address.")
    if error.flaw == Flaw.SEVERAL:
        return _("These are several addresses. Enter one: name@example.com.")
    if error.flaw == Flaw.NOT_SMTP:
        return _("This address is for Exchange itself. Take the one that starts with SMTP:, such as name@example.com.")
    if error.flaw == Flaw.GUEST:
        return _("This is a guest’s sign-in name, which receives no mail. Enter the guest’s own address.")
    return _("This is not an e-mail address. Enter one address: name@example.com.")


class EmailAddressInput(forms.EmailField):
    """Clean the input to the stored form."""

    default_validators = []

    def __init__(self, **kwargs: Any) -> None:
        # The length is that of the address alone: a browser would cut a pasted text with a name.
        super().__init__(**{**kwargs, "max_length": None})

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return clean_stored(text) if text else ""


class EmailAddressField(_EmailField):
    """The stored form. The model needs a `CanonicalAddressField` beside it."""

    default_validators = []

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        text = super().clean(value, model_instance)
        # An address stored by an earlier release is accepted until it is changed.
        return clean_stored(text) if text and text != self._before(model_instance) else text

    def _before(self, instance: models.Model | None) -> str | None:
        if instance is None or instance._state.adding:
            return None
        found = type(instance)._base_manager.filter(pk=instance.pk).values_list(self.attname, flat=True)
        return found.first()

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return super().formfield(*args, **{"form_class": EmailAddressInput, **kwargs})


class CanonicalAddressField(_CharField):
    """The canonical form of the field named `of`, computed whenever the row is saved. Never set it by hand."""

    is_derived = True
    """The audit trail records the source field and skips this one."""

    def __init__(self, of: str = "", **kwargs: Any) -> None:
        self.of = of
        super().__init__(**{"max_length": LONGEST, "editable": False, **kwargs})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        self.set_on(model_instance)
        return str(getattr(model_instance, self.attname))

    def set_on(self, instance: models.Model) -> None:
        setattr(instance, self.attname, canonical(getattr(instance, self.of)))


class UniqueAddress(models.UniqueConstraint):
    """Unique constraint on canonical addresses, whose form error appears at the field the user typed into."""

    def validate(
        self,
        model: type[models.Model],
        instance: models.Model,
        exclude: Iterable[str] | None = None,
        using: str = "default",
    ) -> None:
        left_out = set(exclude or ())
        for field in model._meta.concrete_fields:
            if isinstance(field, CanonicalAddressField) and field.name in self.fields and field.of not in left_out:
                field.set_on(instance)
                left_out.discard(field.name)
        super().validate(model, instance, left_out, using)

    def deconstruct(self) -> tuple[str, Any, Any]:
        _path, args, kwargs = super().deconstruct()
        return "django.db.models.UniqueConstraint", args, kwargs
