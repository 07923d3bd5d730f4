"""A field for several e-mail addresses in any usual separation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from alertadmin.accounts.email_address import clean, split_addresses
from mailer.email_address import EmailAddress


def read_addresses(text: str) -> list[EmailAddress]:
    """Addresses as `split_addresses` finds them, without duplicates. Raises ValidationError with the first invalid
    one."""
    found: dict[str, EmailAddress] = {}
    for word in split_addresses(text):
        try:
            address = clean(word)
        except forms.ValidationError as error:
            words = {"email": word, "reason": " ".join(error.messages)}
            raise forms.ValidationError(_("“%(email)s”: %(reason)s"), params=words) from None
        found.setdefault(address.canonical, address)
    return list(found.values())


def read_stored(text: str) -> list[str]:
    """The same in the stored form."""
    return [address.stored for address in read_addresses(text)]


class EmailListField(forms.CharField):
    """E-mail addresses, one per line; cleaned to a list of canonical addresses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        return [address.canonical for address in read_addresses(str(super().clean(value)))]
