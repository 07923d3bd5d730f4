from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.output import readable
from alertadmin.registry import guid
from alertadmin.registry.clouds import clouds
from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.checks import check_consents, required_pairs
from alertadmin.registry.credentials.rotation import promote_overdue
from alertadmin.registry.models import Consent, ConsentStatus, Tenant
from alertadmin.stored_messages import render_stored
from mailer.diagnosis import Diagnosis, explain


class Command(JsonCommand):
    help = "Requests a new token for each app and tenant, and checks whether the required permissions are in it."
    example = "python manage.py check_consent --tenant 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", metavar="DIRECTORY_ID", type=readable, help="Only this tenant.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        tenant = _tenant(options["tenant"]) if options["tenant"] is not None else None
        now = timezone.now()
        promoted = [one for one in promote_overdue(now=now, tenant=tenant) if one.proven]
        consents = sorted(check_consents(required_pairs(tenant=tenant), now=now), key=_sort_key)
        with transaction.atomic():
            counts = Counter(consent.status for consent in consents)
            audit.record(AuditAction.CONSENT_CHECKED, tenant, counts=counts, now=now)
        # Finish the checks that a user began on a page, in case no worker does.
        while tenant is None and check_batch.continue_batch():
            pass
        lines = [_("The waiting secret is now in use: %(app)s.") % {"app": one.credential.app} for one in promoted]
        lines += [_line(consent) for consent in consents] or [_("There is nothing to check yet.")]
        ok = all(consent.status == ConsentStatus.GRANTED for consent in consents)
        rows = [_as_json(consent) for consent in consents]
        return CommandResult(ok, {"checked": len(consents), "promoted": len(promoted), "consents": rows}, lines)


def _tenant(text: str) -> Tenant:
    try:
        return Tenant.objects.get(directory_id=guid.normalize(text))
    except ValidationError as error:
        raise CommandRefused(" ".join(error.messages)) from None
    except Tenant.DoesNotExist:
        raise CommandRefused(_("No tenant with the directory ID %(id)s is registered here.") % {"id": text}) from None


def _line(consent: Consent) -> str:
    """Return the status, and the cause if the permission is not granted: the diagnosis, else the technical reason."""
    why = _title(consent) or render_stored(consent.technical)
    return f"{consent.tenant} / {consent.app} / {consent}" + (f" ({why})" if why else "")


def _sort_key(consent: Consent) -> tuple[str, str, str, str]:
    return consent.tenant.name, consent.tenant.directory_id, consent.app.name, consent.permission


def _title(consent: Consent) -> str:
    return _diagnosis(consent).title if consent.cause else ""


def _diagnosis(consent: Consent) -> Diagnosis:
    return explain(
        consent.cause,
        cloud=clouds().get(consent.tenant.cloud),
        directory_id=consent.tenant.directory_id,
        client_id=consent.app.client_id,
        translate=_,
    )


def _as_json(consent: Consent) -> dict[str, Any]:
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
        "diagnosis": _diagnosis(consent).as_dict() if consent.cause else None,
        "checked_at": consent.checked_at.isoformat() if consent.checked_at else None,
    }
