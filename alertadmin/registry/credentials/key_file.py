"""Reads an uploaded key file in a separate process (`key_file_reader`), whose time and memory the kernel limits.

Each web process runs at most CONCURRENT of them and refuses others at once instead of queueing them. So a user who
uploads expensive files repeatedly occupies two threads; the others still serve pages.
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
"""Seconds, for a busy machine; the reader's CPU limit usually ends it sooner."""
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""The environment variables that the reader gets: no settings and no keys."""

_SLOTS = threading.BoundedSemaphore(CONCURRENT)


def read(content: bytes, passphrase: str) -> dict[str, str]:
    """The result of `key_file_reader.read`. Raises ValidationError, whose message contains nothing of the content."""
    if not _SLOTS.acquire(blocking=False):
        raise ValidationError(_("Other key files are being opened. Try again in a moment."), code="busy")
    try:
        answer = _run(json.dumps({"content": content.hex(), "passphrase": passphrase}).encode())
    finally:
        _SLOTS.release()
    if "code" in answer:
        raise _refusal(answer["code"], answer["bits"])
    return answer


def _run(request: bytes) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(READER)],
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback may contain parts of the file
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"code": "costly", "bits": 0}
    if done.returncode:
        # Negative: ended by a signal, such as SIGXCPU.
        return {"code": "costly" if done.returncode < 0 else "unreadable", "bits": 0}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _refusal(code: str, bits: int) -> ValidationError:
    words = {
        "costly": _(
            "This file takes too long to open: it needs much more computing than a certificate should. Export it again."
        ),
        "not_rsa": _("The private key is not an RSA key; Entra accepts no other."),
        "short_key": _("The key has %(bits)d bits; create one with at least 2048."),
        "long_key": _("The key has %(bits)d bits; create one with at most 8192. Microsoft recommends 2048."),
        "apart": _("The certificate and the private key do not match."),
        "no_certificate": _("It contains no certificate. Add the certificate, as PEM."),
        "many_certificates": _("It contains too many certificates. Export the one of the app with its key."),
        "unreadable_certificate": _("The certificate cannot be read. Export it again, as PEM."),
        "unreadable": _("This is neither a PFX file nor PEM text. Export the certificate with its private key."),
        "no_key": _("It does not contain the private key. Export the certificate together with its private key (PFX)."),
        "openssh_key": _(
            "This private key is in OpenSSH's own format. Convert it with ssh-keygen -p -m PEM -f FILE, and add the "
            "certificate as PEM."
        ),
        "putty_key": _(
            "This is a key of PuTTY (.ppk), without a certificate. Export the certificate with its private key (PFX)."
        ),
        "request": _(
            "This is a certificate request (CSR). Upload the certificate that was issued for it, with its key."
        ),
        "pkcs7": _(
            "This is a PKCS#7 file (.p7b), which holds no private key. Export the certificate with its private key "
            "(PFX)."
        ),
        "keystore": _(
            "This is a Java keystore. Convert it with keytool -importkeystore -srckeystore FILE "
            "-destkeystore alert.pfx -deststoretype PKCS12."
        ),
        "public_key": _("This is a public key. Export the certificate together with its private key (PFX)."),
        "passphrase_needed": _("It is protected: enter its passphrase."),
        "passphrase": _("It does not open with this passphrase."),
    }
    return ValidationError(words[code] % {"bits": bits}, code=code)
