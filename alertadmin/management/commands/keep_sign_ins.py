from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.management.base import CommandResult, JsonCommand
from alertadmin.registry.personal import refresh_tokens
from mailer.diagnosis import explain


class Command(JsonCommand):
    help = "Renews each sign-in of a personal account that was not used for four weeks: after 90 days it would expire."
    example = "python manage.py keep_sign_ins --json"

    def work(self, options: dict[str, Any]) -> CommandResult:
        details, lines = [], []
        for mailbox, failure in refresh_tokens.refresh_unused(now=timezone.now()):
            cause = failure.cause if failure else ""
            details.append({"mailbox": mailbox.address, "ok": failure is None, "cause": cause})
            said = explain(failure.cause, translate=_).title if failure else _("used")
            lines.append(f"{mailbox.address}: {said}")
        failed = sum(not one["ok"] for one in details)
        data = {"used": len(details) - failed, "failed": failed, "details": details}
        return CommandResult(not failed, data, lines or [_("No sign-in was unused for long.")])
