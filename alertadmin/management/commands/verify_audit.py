from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from alertadmin.audit import triggers
from alertadmin.audit.hash_chain import Head
from alertadmin.audit.triggers import TriggerFinding, TriggerProblem
from alertadmin.audit.verification import Break, VerificationResult, verify
from alertadmin.management.base import CommandResult, JsonCommand

SAID = {
    Break.ALTERED: gettext_noop("Entry %(number)d was altered: its content is not what was written."),
    Break.REMOVED: gettext_noop("Entries were removed before entry %(number)d."),
    Break.SWAPPED: gettext_noop("Entry %(number)d was swapped with another: it was not written at this number."),
    Break.INSERTED: gettext_noop("Entry %(number)d does not follow the one before it: one of the two was inserted."),
    Break.CUT: gettext_noop("The trail was cut off: entry %(number)d is known from another copy and is missing here."),
    Break.REPLACED: gettext_noop("Entry %(number)d differs from the one known from another copy."),
}
UNGUARDED = {
    TriggerProblem.MISSING: gettext_noop(
        "The trigger %(name)s is missing: entries could be changed. Starting alertadmin restores and records it."
    ),
    TriggerProblem.ALTERED: gettext_noop(
        "The trigger %(name)s was altered or disabled: entries could be changed. Starting alertadmin restores "
        "and records it."
    ),
    TriggerProblem.UNKNOWN: gettext_noop(
        "The trigger %(name)s on the audit trail's table is not alertadmin's: it could prevent entries from "
        "being written. Drop it unless it is yours."
    ),
}


class Command(JsonCommand):
    help = (
        "Reads the whole audit trail and checks that each entry is unchanged and follows the one before. Prints the "
        "first that is not, each trigger that does not protect the trail any more, and the trail's head. Store the "
        "head elsewhere and pass it later with --expect to check that no entry was cut off or rewritten since. Changes "
        "nothing."
    )
    example = (
        "python manage.py verify_audit --expect 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--expect",
            metavar="NUMBER:DIGEST",
            type=_head,
            action="append",
            default=[],
            help="A head that was printed earlier. May be given several times.",
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        found = verify(options["expect"])
        data: dict[str, Any] = {"entries": found.count, "first": found.first, "head": str(found.head)}
        if found.broken is not None:
            data |= {"broken": found.broken.value, "at": found.at}
        unguarded = triggers.findings(connection)
        data["triggers"] = {finding.name: finding.problem.value for finding in unguarded}
        lines = [_("Head: %(head)s") % {"head": found.head}, _sentence(found), *map(_unguarded, unguarded)]
        return CommandResult(found.ok and not unguarded, data, lines)


def _unguarded(finding: TriggerFinding) -> str:
    return _(UNGUARDED[finding.problem]) % {"name": finding.name}


def _sentence(found: VerificationResult) -> str:
    if found.broken is not None:
        return _(SAID[found.broken]) % {"number": found.at}
    if not found.count:
        return _("The audit trail is empty.")
    return _("The audit trail is intact: %(count)d entries, from %(first)d to %(last)d.") % {
        "count": found.count,
        "first": found.first,
        "last": found.head.number,
    }


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError:
        raise ArgumentTypeError("must be NUMBER:DIGEST, as verify_audit prints it") from None
