from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

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
        lines = [_line(consent) for consent in consents] or [_("There is nothing to check yet.")]
        ok = all(consent.status == ConsentStatus.GRANTED for consent in consents)
        data = {"checked": len(consents), "consents": [_shown(consent) for consent in consents]}
        return Report(ok, data, lines)


def _tenant(text: str) -> Tenant:
    try:
        return Tenant.objects.get(directory_id=guid.normal(text))
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None
    except Tenant.DoesNotExist:
        raise Refused(_("No tenant with the directory ID %(id)s is registered here.") % {"id": text}) from None


def _line(consent: Consent) -> str:
    title = f" ({_title(consent)})" if consent.cause else ""
    return f"{consent.tenant} / {consent.app} / {consent}{title}"


def _title(consent: Consent) -> str:
    return explain(consent.cause, translate=_).title if consent.cause else ""


def _shown(consent: Consent) -> dict[str, Any]:
    return {
        "tenant": consent.tenant.name,
        "directory_id": consent.tenant.directory_id,
        "app": consent.app.name,
        "client_id": consent.app.client_id,
        "permission": consent.permission,
        "status": consent.status,
        "roles": consent.roles,
        "cause": consent.cause or None,
        "title": _title(consent),
        "technical": consent.technical,
        "checked_at": consent.checked_at.isoformat() if consent.checked_at else None,
    }
