"""Form for the consent request mail to a tenant's administrator, and the earlier requests."""

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
    """Offers the tenant's contacts; any other address may be entered."""

    recipient = EmailAddressInput(label=gettext_lazy("To"))

    def __init__(self, *args: Any, consent: Consent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contacts = list(consent.tenant.contacts.values_list("email", flat=True))
        self.fields["recipient"].widget.attrs |= {"list": "contacts", "autocomplete": "off"}
        if len(self.contacts) == 1:
            self.fields["recipient"].initial = self.contacts[0]


@dataclass(frozen=True)
class Requests:
    """Time of the last request for each of several consents, in one query."""

    newest: dict[tuple[UUID, UUID, str], datetime]

    @classmethod
    def about(cls, consents: Collection[Consent]) -> Self:
        found = ConsentRequest.objects.filter(
            app__in={one.app_id for one in consents}, tenant__in={one.tenant_id for one in consents}
        )
        rows = found.order_by("at").values_list("app_id", "tenant_id", "permissions", "at")
        return cls({(app, tenant, one): at for app, tenant, permissions, at in rows for one in permissions})

    def since(self, consent: Consent) -> datetime | None:
        """Time of the last unanswered request; None if there was none or the consent is granted."""
        if consent.status == ConsentStatus.GRANTED:
            return None
        return self.newest.get((consent.app_id, consent.tenant_id, consent.permission))


def requests_of(consent: Consent) -> list[ConsentRequest]:
    """All requests for the app in the tenant, newest first."""
    found = ConsentRequest.objects.filter(app=consent.app, tenant=consent.tenant)
    return list(found.select_related("delivery").defer("delivery__text", "delivery__html")[:SHOWN])
