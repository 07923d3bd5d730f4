"""Authentication of an Exchange server on premises: Basic, and NTLM version 2 on a keep-alive connection.

Source: [MS-NLMP], the NT LAN Manager authentication protocol; [MS-NTHT] for its carriage in HTTP.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import struct
import time

from sandbox.ews.md4 import md4
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory

SIGNATURE = b"NTLMSSP\0"
OFFERS = {"WWW-Authenticate": 'NTLM, Basic realm="localhost"'}
FLAGS = 0xA2898205
"""Unicode, request target, NTLM, always sign, target is a domain, extended security, target info, 128 and 56 bit."""


class Logins:
    """Checks the directory's logins."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def check(self, request: Request) -> str | Response:
        """The username of a valid login, or the 401 response for the next step."""
        if isinstance(known := request.connection.get("login"), str):
            return known
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            token = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return Response(401, headers=dict(OFFERS))
        username = None
        if kind.lower() == "basic":
            username = self._basic(token)
        elif kind.lower() in ("ntlm", "negotiate") and token.startswith(SIGNATURE):
            if token[8] == 1:
                return _challenge(request, kind)
            username = self._ntlm(request, token)
            if username:
                request.connection["login"] = username
        return username or Response(401, headers=dict(OFFERS))

    def _basic(self, token: bytes) -> str | None:
        username, _, password = token.decode("utf-8", "replace").partition(":")
        known = self._directory.password_of(username)
        good = known is not None and hmac.compare_digest(known.encode(), password.encode())
        return username if good else None

    def _ntlm(self, request: Request, token: bytes) -> str | None:
        challenge = request.connection.pop("challenge", None)
        if not isinstance(challenge, bytes) or len(token) < 64:
            return None
        answer, domain, user = (_field(token, offset) for offset in (20, 28, 36))
        domain_name, user_name = domain.decode("utf-16-le", "replace"), user.decode("utf-16-le", "replace")
        for name in (user_name, f"{domain_name}\\{user_name}"):
            password = self._directory.password_of(name)
            if password is not None and _verify_ntlm(password, user_name, domain_name, challenge, answer):
                return name
        return None


def _challenge(request: Request, kind: str) -> Response:
    challenge = secrets.token_bytes(8)
    request.connection["challenge"] = challenge
    target = "SANDBOX".encode("utf-16-le")
    moment = struct.pack("<Q", int((time.time() + 11644473600) * 10_000_000))
    info = b"".join(
        struct.pack("<HH", kind_of, len(value)) + value
        for kind_of, value in ((2, target), (1, target), (7, moment), (0, b""))
    )
    head = 56
    message = (
        SIGNATURE
        + struct.pack("<IHHII", 2, len(target), len(target), head, FLAGS)
        + challenge
        + bytes(8)
        + struct.pack("<HHI", len(info), len(info), head + len(target))
        + bytes((10, 0, 0, 0, 0, 0, 0, 15))
        + target
        + info
    )
    return Response(401, headers={"WWW-Authenticate": f"{kind} {base64.b64encode(message).decode()}"})


def _verify_ntlm(password: str, user: str, domain: str, challenge: bytes, answer: bytes) -> bool:
    """Verify an NTLMv2 response: a proof of 16 bytes, followed by the client's blob that it covers."""
    key = hmac.digest(md4(password.encode("utf-16-le")), (user.upper() + domain).encode("utf-16-le"), "md5")
    expected = hmac.digest(key, challenge + answer[16:], "md5")
    return hmac.compare_digest(expected, answer[:16])


def _field(message: bytes, offset: int) -> bytes:
    length, _, start = struct.unpack_from("<HHI", message, offset)
    return message[start : start + length]
