"""Item 6: key files that would take hours or gigabytes to read, in every form and command that takes one."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.registry.credentials import certificates, key_file
from alertadmin.registry.models import SetupProgress
from sandbox import Sandbox
from tests.attacks import der
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.registry.test_certificates import made, pfx

TWO_BILLION = 2**31 - 1
MOST_SECONDS = key_file.DEADLINE + 5


def pem(label: str, content: bytes) -> bytes:
    lines = base64.encodebytes(content)
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), lines, label.encode())


def certificate() -> bytes:
    return certificates.generate("ALERT", now=NOW, lasts=timedelta(days=30)).certificate.encode()


def with_key(algorithm: bytes) -> bytes:
    return certificate() + pem("ENCRYPTED PRIVATE KEY", der.encrypted_key(algorithm))


def giant_rsa_key() -> bytes:
    """Of 200,000 bits: to check that its primes are primes takes minutes."""
    prime = (1 << 100_000) + 3
    numbers = [0, prime * prime, 65537, prime - 2, prime, prime, 3, 3, 3]
    return certificate() + pem("RSA PRIVATE KEY", der.sequence(*map(der.integer, numbers)))


def nested(depth: int) -> bytes:
    content = b""
    for _level in range(depth):
        content = der.sequence(content)
    return content


BOMBS: dict[str, Callable[[], bytes]] = {
    "the MAC of a PFX, 120 million rounds": lambda: der.pfx(der.sequence(), 120_000_000),
    "the MAC of a PFX, two billion rounds": lambda: der.pfx(der.sequence(), TWO_BILLION),
    "a key in a PFX, PBKDF2": lambda: der.pfx(der.key_bag(der.pbes2(der.pbkdf2(TWO_BILLION)))),
    "a key in a PFX, PBE": lambda: der.pfx(der.key_bag(der.pbe(TWO_BILLION))),
    "the contents of a PFX, PBKDF2": lambda: der.pfx(der.encrypted_contents(der.pbes2(der.pbkdf2(TWO_BILLION)))),
    "the contents of a PFX, PBE": lambda: der.pfx(der.encrypted_contents(der.pbe(TWO_BILLION))),
    "the contents of a PFX, scrypt": lambda: der.pfx(der.encrypted_contents(der.pbes2(der.scrypt(2**20, 8, 2**20)))),
    "a PEM key, PBKDF2": lambda: with_key(der.pbes2(der.pbkdf2(TWO_BILLION))),
    "a PEM key, scrypt of 32 GB": lambda: with_key(der.pbes2(der.scrypt(2**25, 8, 1))),
    "a PEM key, scrypt without end": lambda: with_key(der.pbes2(der.scrypt(2**14, 8, 2**20))),
    "a PEM key of PKCS#5's first version": lambda: with_key(der.pbe(TWO_BILLION)),
    "an RSA key of 200,000 bits": giant_rsa_key,
    "DER, thousands deep": lambda: nested(9_000),
    "a chain of thousands": lambda: certificate() * 70,
    "beginnings without an end": lambda: b"-----BEGIN CERTIFICATE-----" * 3_600,
    "a PFX of an absurd length": lambda: b"\x30\x84\xff\xff\xff\xff" + bytes(100),
}


QUICK = {
    "the MAC of a PFX, two billion rounds",
    "a key in a PFX, PBKDF2",
    "a PEM key, scrypt of 32 GB",
    "DER, thousands deep",
    "a chain of thousands",
    "a PFX of an absurd length",
}
"""Of each kind one; all of them in `./test --all`."""


@pytest.mark.control(85)
@pytest.mark.parametrize(
    "bomb", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BOMBS]
)
def test_06_a_costly_key_file_is_refused_in_time(bomb: str) -> None:
    content = BOMBS[bomb]()
    assert len(content) < 100_000, "the page takes no more"
    began = time.monotonic()
    with pytest.raises(ValidationError):
        certificates.read(content, "open sesame")
    assert time.monotonic() - began < MOST_SECONDS


@pytest.mark.control(85)
@pytest.mark.parametrize("door", ["page", "guide"])
def test_06_each_page_that_takes_one_says_so(
    door: str, sandbox: Sandbox, rows: Rows, client: Client, administrator: User
) -> None:
    site = rows.site(sandbox)
    guide = SetupProgress.objects.create(tenant=site.tenant, app=site.app, person=administrator)
    doors = {
        "page": reverse("certificate-add", args=[site.app.pk]),
        "guide": reverse("guide-credential", args=[guide.pk]) + "?by=upload",
    }
    content = BOMBS["the MAC of a PFX, two billion rounds"]()
    file = SimpleUploadedFile("bomb.pfx", content)
    began = time.monotonic()
    page = signed_in_at(client, administrator).post(doors[door], {"file": file, "passphrase": "x"})
    assert "takes too long to open" in page.content.decode()
    assert time.monotonic() - began < MOST_SECONDS


@pytest.mark.control(85)
def test_06_a_third_file_at_once_is_not_waited_for() -> None:
    with key_file._SLOTS, key_file._SLOTS, pytest.raises(ValidationError) as caught:
        certificates.read(b"", "")
    assert caught.value.code == "busy"


@pytest.mark.control(85)
def test_06_an_honest_file_opens_also_with_many_rounds() -> None:
    """A million rounds, more than any program sets by itself."""
    protection = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(200_000).build(b"open sesame")
    assert certificates.read(pfx(made(), protection), "open sesame") == made()
