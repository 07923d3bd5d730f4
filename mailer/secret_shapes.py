"""Patterns of secrets that a server or a library may repeat in an error message."""

from __future__ import annotations

import re

SECRETS = re.compile(
    r"eyJ[\w-]{5,}(?:\.[\w-]+)*"  # a JWT
    r"|(?i:\bbearer\s+)(?!(?:token|auth|realm))\S{6,}"
    r"|(?i:\bbasic\s+)[\w+/]{16,}=*"  # longer than "authentication"
    r"|(?:dXNlcj|TlRMTVNT)[\w+/]{8,}=*"  # base64 of "user=…" (XOAUTH2), of an NTLM message
    r"|\bEwB[\w+/]{20,}=*"  # an access token of a personal account
    r"|\bM\.[A-Z]\d+_[A-Z\d]+\.[\w.!*$-]{20,}"  # a refresh token of one
    r"|[\w.~-]{3}\dQ~[\w.~-]{20,40}"  # a client secret in Entra's current format
    r"|(?i:\b(?:client_secret|client_assertion|password|access_token|refresh_token|device_code)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}<]{3,}"
)
