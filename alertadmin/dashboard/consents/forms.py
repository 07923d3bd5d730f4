"""The form for a mail to a tenant's administrator, and the mails that were asked for before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy

from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.outbox.models import ConsentRequest
from alertadmin.registry.models import Consent, ConsentStatus

SHOWN = 10


class RequestForm(forms.Form):
    """The tenant's contacts are offered; the address may be another."""

    recipient = EmailAddressInput(label=gettext_lazy("To"), max_length=254)

    def __init__(self, *args: Any, consent: Consent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contacts = list(consent.tenant.contacts.values_list("email", flat=True))
        self.fields["recipient"].widget.attrs |= {"list": "contacts", "autocomplete": "off"}
        if len(self.contacts) == 1:
            self.fields["recipient"].initial = self.contacts[0]


@dataclass(frozen=True)
class Requests:
    """When each of some consents was last asked for. One query for all."""

    newest: dict[tuple[UUID, UUID, str], datetime]

    @classmethod
    def about(cls, consents: Collection[Consent]) -> Self:
        found = ConsentRequest.objects.filter(
            app__in={one.app_id for one in consents}, tenant__in={one.tenant_id for one in consents}
        )
        rows = found.order_by("at").values_list("app_id", "tenant_id", "permissions", "at")
        return cls({(app, tenant, one): at for app, tenant, permissions, at in rows for one in permissions})

    def since(self, consent: Consent) -> datetime | None:
        """Since when somebody is asked in vain; None where nobody was, or it is granted."""
        if consent.status == ConsentStatus.GRANTED:
            return None
        return self.newest.get((consent.app_id, consent.tenant_id, consent.permission))


def requests_of(consent: Consent) -> list[ConsentRequest]:
    """The newest first, of all permissions of its app in its tenant."""
    found = ConsentRequest.objects.filter(app=consent.app, tenant=consent.tenant)
    return list(found.select_related("delivery").defer("delivery__text", "delivery__html")[:SHOWN])
