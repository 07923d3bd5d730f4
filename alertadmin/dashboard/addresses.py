"""Several e-mail addresses in one field, as people paste them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import validate_email
from django.utils.translation import gettext as _

LONGEST = 254


def read_addresses(text: str) -> list[str]:
    """Separated by lines, commas, semicolons or spaces. Raises ValidationError, which names the first that is none."""
    words = text.replace(",", "\n").replace(";", "\n").split()
    for word in words:
        try:
            validate_email(word)
        except forms.ValidationError:
            raise forms.ValidationError(_('"%(email)s" is no e-mail address.'), params={"email": word}) from None
        if len(word) > LONGEST:
            raise forms.ValidationError(_("This is longer than %d characters.") % LONGEST)
    return words


class Addresses(forms.CharField):
    """E-mail addresses, one a line; cleaned to a list, each once and in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        return list(dict.fromkeys(word.lower() for word in read_addresses(str(super().clean(value)))))
