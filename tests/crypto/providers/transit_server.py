"""The transit engine of a Vault as its HTTP API is documented: keys that never leave it, tokens, namespaces, a seal.

https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.mailer.https_server import Answer, HttpsServer, Request, reply


class TransitServer(HttpsServer):
    """`token` may encrypt and decrypt by `key` in the engine mounted at `mount` of `namespace`."""

    mount, key, token, namespace = "transit", "ring", "hvs.CAESIG-canary-token", ""
    is_sealed = False
    instead: Answer | None = None

    def __enter__(self) -> TransitServer:
        super().__enter__()
        self._versions = {1: AESGCM.generate_key(256)}
        self.routes[""] = self._answer
        return self

    @property
    def address(self) -> str:
        """As ALERTADMIN_KEYS has it."""
        return f"vault+https://localhost:{self.port}/{self.mount}/{self.key}"

    def rotate(self) -> None:
        self._versions[max(self._versions) + 1] = AESGCM.generate_key(256)

    def _answer(self, request: Request) -> bytes:
        if self.instead:
            return self.instead(request)
        if self.is_sealed:
            return _errors(503, "Vault is sealed")(request)
        if request.headers.get("x-vault-token") != self.token:
            return _errors(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")(request)
        if request.headers.get("x-vault-namespace", "").strip("/") != self.namespace or request.method != "POST":
            return _errors(403, "1 error occurred:\n\t* permission denied\n\n")(request)
        head, _slash, act = request.path.removesuffix(f"/{self.key}").rpartition("/")
        if head != f"/v1/{self.mount}" or act not in ("encrypt", "decrypt"):
            path = request.path.removeprefix("/v1/")
            return _errors(404, f'no handler for route "{path}". route entry not found.')(request)
        return self._done(act, json.loads(request.body))(request)

    def _done(self, act: str, asked: dict[str, Any]) -> Answer:
        if act == "encrypt":
            version, nonce = max(self._versions), os.urandom(12)
            sealed = nonce + AESGCM(self._versions[version]).encrypt(nonce, base64.b64decode(asked["plaintext"]), None)
            text = f"vault:v{version}:{base64.b64encode(sealed).decode()}"
            return _data({"ciphertext": text, "key_version": version})
        prefix, _colon, encoded = asked["ciphertext"].rpartition(":")
        try:
            sealed = base64.b64decode(encoded)
            opened = AESGCM(self._versions[int(prefix.removeprefix("vault:v"))]).decrypt(sealed[:12], sealed[12:], None)
        except (KeyError, ValueError, InvalidTag):
            return _errors(400, "cipher: message authentication failed")
        return _data({"plaintext": base64.b64encode(opened).decode()})


def _data(data: dict[str, Any]) -> Answer:
    frame = {"request_id": str(uuid4()), "lease_id": "", "renewable": False, "lease_duration": 0}
    frame |= {"data": data, "wrap_info": None, "warnings": None, "auth": None, "mount_type": "transit"}
    return reply(200, frame, Content_Type="application/json")


def _errors(status: int, *errors: str) -> Answer:
    return reply(status, {"errors": list(errors)}, Content_Type="application/json")
