"""`python -m benchmarks.hops`: through how many files of ours a reader must step to follow three common walks.

A profiler notes each function of alertadmin and mailer that one walk enters against the sandbox. A hop is a call whose
caller, the nearest function of ours on the stack, is in another file. Module bodies do not count: each walk runs once
before it is measured, so that all imports are done.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

from alertadmin.paths import PROJECT

OURS = tuple(f"{PROJECT / folder}/" for folder in ("alertadmin", "mailer"))
LIMITS = {"decrypt one stored value": 3, "send one due reminder mail by Graph": 61, "check one consent": 22}
"""The most files that each walk may enter. Lower a number when a change lowers the count."""


@dataclass(frozen=True)
class Walk:
    files: frozenset[str]
    """Relative to the project's folder."""
    hops: Counter[tuple[str, str]]
    """Calls by (caller's file, called file)."""

    @property
    def calls(self) -> int:
        return self.hops.total()


class Profiler:
    """Notes the files that are entered in this thread and in those started meanwhile."""

    def __init__(self) -> None:
        self._hops: Counter[tuple[str, str]] = Counter()
        self._files: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Profiler:
        threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def walk(self) -> Walk:
        return Walk(frozenset(self._files), self._hops)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not _is_ours(frame.f_code):
            return
        name = _relative(frame.f_code)
        caller = frame.f_back
        while caller is not None and not _is_ours(caller.f_code):
            caller = caller.f_back
        with self._lock:
            self._files.add(name)
            if caller is not None and (before := _relative(caller.f_code)) != name:
                self._hops[before, name] += 1


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(OURS) and code.co_name != "<module>"


def _relative(code: CodeType) -> str:
    return str(Path(code.co_filename).relative_to(PROJECT))


def traced(walk: Callable[[], object], *, before: Callable[[], object] = lambda: None) -> Walk:
    """Run the walk twice, each time after `before`, and return what the second run entered.

    The key ring is loaded first and counts as recent throughout: how often it is read again depends on the time.
    """
    before()
    walk()
    before()
    with _recent_keys(), Profiler() as profiler:
        walk()
    return profiler.walk()


@contextmanager
def _recent_keys() -> Iterator[None]:
    from alertadmin.crypto import keyring

    recent, keyring.CACHE_SECONDS = keyring.CACHE_SECONDS, 3600.0
    try:
        keyring.load()
        yield
    finally:
        keyring.CACHE_SECONDS = recent


def walks() -> dict[str, Walk]:
    """The three walks, over the rows of the database in use: one secret, one mailbox, one reminder."""
    from django.utils import timezone

    from alertadmin.outbox import worker
    from alertadmin.outbox.delivery.rate_limit import RateLimiter
    from alertadmin.outbox.models import Delivery
    from alertadmin.registry.consent import checks
    from alertadmin.registry.models import Credential, Mailbox
    from benchmarks import sends

    stored = Credential.objects.exclude(value=None).get().value
    mailbox = Mailbox.objects.select_related("app", "tenant").get()
    if stored is None or mailbox.app is None:
        raise AssertionError("there is no secret to decrypt, or no app to check")
    app = mailbox.app
    due, rate_limiter = Delivery.objects.get().pk, RateLimiter(None)
    decrypt, send, check = LIMITS
    return {
        decrypt: traced(stored.decrypt),
        send: traced(lambda: worker.deliver_due(rate_limiter=rate_limiter, only=due), before=sends.make_due_again),
        check: traced(lambda: checks.check_consent(app, mailbox.tenant, now=timezone.now())),
    }


def as_text(found: dict[str, Walk], *, details: bool) -> str:
    lines = []
    for name, walk in found.items():
        limit = f"at most {LIMITS[name]}"
        lines.append(f"{name}: {len(walk.files)} files ({limit}), {walk.calls} calls between files")
        if details:
            entered: Counter[str] = Counter()
            for (_caller, called), times in walk.hops.items():
                entered[called] += times
            lines += [f"    {entered[one]:5}  {one}" for one in sorted(walk.files)]
    return "\n".join(lines)


def main() -> int:
    from benchmarks import installation

    with tempfile.TemporaryDirectory(prefix="alertadmin-hops-") as name:
        folder = Path(name)
        with installation.built(folder / "data", postgresql=False) as stand:
            stand.fresh("hops")
            # These import models: only once Django is set up.
            from alertadmin.registry.permissions import TransportName
            from benchmarks import sandbox_process, sends

            with sandbox_process.microsoft(stand.folder / "sandbox") as site:
                sends.fill(site, TransportName.GRAPH, 1)
                found = walks()
    print(as_text(found, details="--files" in sys.argv[1:]))
    return int(any(len(walk.files) > LIMITS[name] for name, walk in found.items()))


if __name__ == "__main__":
    sys.exit(main())
