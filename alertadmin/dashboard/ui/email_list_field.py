"""A field for several e-mail addresses in any usual separation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from alertadmin.accounts.email_address import clean
from mailer.email_address import EmailAddress
from mailer.pasted_address import split_addresses


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


class EmailListField(forms.CharField):
    """E-mail addresses, one per line; cleaned to a list of canonical addresses."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        return [self.form_of(address) for address in read_addresses(str(super().clean(value)))]

    def form_of(self, address: EmailAddress) -> str:
        return address.canonical


class ContactListField(EmailListField):
    """The same, cleaned to the stored form."""

    def form_of(self, address: EmailAddress) -> str:
        return address.stored
