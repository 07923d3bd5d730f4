"""How long a long text takes that was made to take long: processor time of this process, the best of a few times.

It is shown and not tested: a time says as much of the machine, and of what else it does, as of the code.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mailer.diagnosis import diagnose
from mailer.diagnosis.identifiers import find_identifiers

PIECES = (
    "\\", "\\r\\", "a", " ", "> ", "=3D", "%41", "&amp;", "<b ", "ews ", "403 ews ", "ews 403 ", "535 ", "5.7.139 ",
    "mailbox ", "exceeds ", "aadsts9999999 ", "secret client ", "error_description=", "\u0301", "1.", "error_code",
    "tenant (", "a@", "a.a.", "a-", "Ã©", "11111111-2222-", "11111111-2222-3333-4444-555555555555 ", "aadsts7o",
    "conditional access polic", "client secret ", "status: 504x ", "0f:", "x5t",
)  # fmt: skip
LONG = 100_000


def slowest(work: Callable[[str], object]) -> tuple[float, str]:
    """Seconds, and the piece that a text of `LONG` characters was made of."""
    return max((_best(work, piece * (LONG // len(piece) + 1)), piece) for piece in PIECES)


def _best(work: Callable[[str], object], text: str) -> float:
    times = []
    for _ in range(3):
        begun = time.process_time()
        work(text[:LONG])
        times.append(time.process_time() - begun)
    return min(times)


def report() -> str:
    lines = [f"Texts of {LONG} characters, each of one of {len(PIECES)} pieces again and again; the slowest of them:"]
    for name, work in (("its cause", diagnose), ("what it names", find_identifiers)):
        seconds, piece = slowest(work)
        lines.append(f"  {name}: {seconds * 1000:.0f} ms, of {piece!r}")
    return "\n".join(lines)
