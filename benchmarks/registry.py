"""The list of benchmarks: name, description and function of each.

Functions are named by strings, so that the list can be shown before Django is set up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from benchmarks.installation import Stand
from benchmarks.report import ReportRow
from benchmarks.sizes import Effort


@dataclass(frozen=True)
class Benchmark:
    name: str
    question: str
    place: str

    def run(self, stand: Stand, effort: Effort) -> list[ReportRow]:
        module, _, function = self.place.partition(":")
        measure: Callable[[Stand, Effort], list[ReportRow]] = getattr(import_module(f"benchmarks.{module}"), function)
        return measure(stand, effort)


CATALOG = (
    Benchmark("scan-due", "a scan that finds 4 % of all secrets due", "scans:due"),
    Benchmark("scan-idle", "a scan when nothing is due", "scans:idle"),
    Benchmark("scan-plans", "the same scan with more and more different schedules", "scans:plans"),
    Benchmark("day-one", "a day on which very many secrets of one recipient expire", "digests:one_recipient"),
    Benchmark("day-many", "a day on which very many recipients have one expiring secret", "digests:many_recipients"),
    Benchmark("send-graph", "reminders by Microsoft Graph, through the outbox", "sends:graph"),
    Benchmark("send-ews", "reminders by EWS, through the outbox", "sends:ews"),
    Benchmark("send-smtp", "reminders by SMTP, through the outbox", "sends:smtp"),
    Benchmark("consents", "a check of an app's many tenants against a slow authority", "consents:checks"),
    Benchmark(
        "consents-many", "a check of very many tenants while another cloud never responds", "consents:beside_a_dead_one"
    ),
    Benchmark("page", "pages of many secrets against pages of few, signed in", "pages:pages"),
    Benchmark("readyz", "/readyz and the overview while very many mails wait", "readyz:readyz"),
    Benchmark("decrypt", "opening a stored secret", "encryption:decrypt"),
    Benchmark("rotate", "re-encrypting all secrets with another key", "encryption:rotate"),
    Benchmark("import", "a CSV file of registrations", "csv_imports:imports"),
    Benchmark("import-long", "a very long one by the command, with its peak memory", "csv_imports:long_imports"),
    Benchmark("start", "from the start to the first /readyz with 200, and the time of a command", "startup:starts"),
)


def chosen(only: str | None) -> list[Benchmark]:
    """Return all benchmarks, or those whose name begins with `only`. Raises LookupError if there is none."""
    found = [one for one in CATALOG if only in (None, one.name) or one.name.startswith(f"{only}-")]
    if not found:
        raise LookupError(f'There is no benchmark "{only}". There are: {", ".join(one.name for one in CATALOG)}.')
    return found
