"""The form for a mail to a tenant's administrator, and the mails that were asked for before."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from alertadmin.outbox.models import ConsentRequest
from alertadmin.registry.models import Consent

SHOWN = 10


class RequestForm(forms.Form):
    """The tenant's contacts are offered; the address may be another."""

    recipient = forms.EmailField(label=gettext_lazy("To"), max_length=254)

    def __init__(self, *args: Any, consent: Consent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contacts = list(consent.tenant.contacts.values_list("email", flat=True))
        self.fields["recipient"].widget.attrs |= {"list": "contacts", "autocomplete": "off"}
        if len(self.contacts) == 1:
            self.fields["recipient"].initial = self.contacts[0]


def requests_of(consent: Consent) -> list[ConsentRequest]:
    """The newest first, of all permissions of its app in its tenant."""
    found = ConsentRequest.objects.filter(app=consent.app, tenant=consent.tenant)
    return list(found.select_related("delivery").defer("delivery__text", "delivery__html")[:SHOWN])
