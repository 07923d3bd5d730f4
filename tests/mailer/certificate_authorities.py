"""Certificates for scripted servers: valid, of an untrusted authority, expired, for another host."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Authorities:
    """`ca_file` is what the mailer is told to trust."""

    ca_file: str
    good: ssl.SSLContext
    stranger: ssl.SSLContext
    expired: ssl.SSLContext
    other_host: ssl.SSLContext
    ours: trustme.CA

    @classmethod
    def make(cls, folder: Path) -> Authorities:
        ours, theirs = trustme.CA(), trustme.CA()
        ca_file = folder / "ours.pem"
        ours.cert_pem.write_to_path(str(ca_file))
        yesterday = datetime.now(UTC) - timedelta(days=1)
        return cls(
            str(ca_file),
            good=_context(ours.issue_cert("localhost", "127.0.0.1")),
            stranger=_context(theirs.issue_cert("localhost")),
            expired=_context(
                ours.issue_cert("localhost", not_before=yesterday - timedelta(days=1), not_after=yesterday)
            ),
            other_host=_context(ours.issue_cert("elsewhere.example")),
            ours=ours,
        )

    def of_version(self, newest: ssl.TLSVersion) -> ssl.SSLContext:
        """A good certificate, but no newer TLS than this."""
        context = _context(self.ours.issue_cert("localhost"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        return context


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
