"""Opens an uploaded key file in a process of its own (`key_file_reader`), bounded by the kernel in time and memory.

No more than CONCURRENT of them run at once for each of our processes, and none is waited for in line: a person who
uploads costly files again and again holds two threads, and the pages have the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

READER = Path(__file__).with_name("key_file_reader.py")
CONCURRENT = 2
DEADLINE = 15.0
"""Seconds, on a machine that has much else to do; the reader's share of the processor ends it sooner."""
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the environment. No setting is among them, and no key."""

_SLOTS = threading.BoundedSemaphore(CONCURRENT)


def read(content: bytes, passphrase: str) -> dict[str, str]:
    """What `key_file_reader.read` returns. Raises ValidationError, whose words repeat nothing of the content."""
    if not _SLOTS.acquire(blocking=False):
        raise ValidationError(_("Other key files are being opened. Try again in a moment."), code="busy")
    try:
        answer = _run(json.dumps({"content": content.hex(), "passphrase": passphrase}).encode())
    finally:
        _SLOTS.release()
    if "code" in answer:
        raise _refusal(answer["code"], answer["bits"])
    return answer


def _run(order: bytes) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(READER)],
            input=order,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may quote what was read
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"code": "costly", "bits": 0}
    if done.returncode:
        # Below 0: by a signal, such as SIGXCPU.
        return {"code": "costly" if done.returncode < 0 else "unreadable", "bits": 0}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _refusal(code: str, bits: int) -> ValidationError:
    words = {
        "costly": _(
            "This file takes too long to open: it asks for far more work than a certificate needs. Export it again."
        ),
        "not_rsa": _("The private key is no RSA key; Entra takes no other."),
        "short_key": _("The key has %(bits)d bits; make one of at least 2048."),
        "long_key": _("The key has %(bits)d bits; make one of 8192 at most. Microsoft recommends 2048."),
        "apart": _("The certificate and the private key do not belong together."),
        "no_certificate": _("There is no certificate in it. Add the certificate, as PEM."),
        "many_certificates": _("There are too many certificates in it. Export the one of the app with its key."),
        "unreadable_certificate": _("The certificate cannot be read. Export it again, as PEM."),
        "unreadable": _("This is neither a PFX file nor PEM text. Export the certificate with its private key."),
        "no_key": _("The private key is not in it. Export the certificate together with its private key (PFX)."),
        "passphrase_needed": _("It is protected: enter its passphrase."),
        "passphrase": _("It does not open with this passphrase."),
    }
    return ValidationError(words[code] % {"bits": bits}, code=code)
