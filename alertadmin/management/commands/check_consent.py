from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone

from alertadmin.management.job import Job, Refused, Report
from alertadmin.registry import guid
from alertadmin.registry.checks import check_consents, wanted_pairs
from alertadmin.registry.models import Consent, ConsentStatus, Tenant
from mailer.diagnosis import explain


class Command(Job):
    help = "Checks now, with an empty token cache, whether each app's permissions are in its token for each tenant."
    example = "python manage.py check_consent --tenant 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", metavar="DIRECTORY_ID", help="Only this tenant.")

    def work(self, options: dict[str, Any]) -> Report:
        tenant = _tenant(options["tenant"]) if options["tenant"] else None
        consents = list(check_consents(wanted_pairs(tenant=tenant), now=timezone.now()))
        shown = [_shown(consent) for consent in consents]
        lines = [
            f"{one['tenant']} / {one['app']} / {one['permission']}: {one['status']}"
            + (f" ({one['title']})" if one["title"] else "")
            for one in shown
        ]
        ok = all(consent.status == ConsentStatus.GRANTED for consent in consents)
        return Report(ok, {"checked": len(shown), "consents": shown}, lines or ["There is nothing to check yet."])


def _tenant(text: str) -> Tenant:
    try:
        return Tenant.objects.get(directory_id=guid.normal(text))
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None
    except Tenant.DoesNotExist:
        raise Refused(f"No tenant with the directory ID {text} is registered here.") from None


def _shown(consent: Consent) -> dict[str, Any]:
    title = explain(consent.cause).title if consent.cause else ""
    return {
        "tenant": consent.tenant.name,
        "directory_id": consent.tenant.directory_id,
        "app": consent.app.name,
        "client_id": consent.app.client_id,
        "permission": consent.permission,
        "status": consent.status,
        "roles": consent.roles,
        "cause": consent.cause or None,
        "title": title,
        "technical": consent.technical,
        "checked_at": consent.checked_at.isoformat() if consent.checked_at else None,
    }
