"""An Azure Key Vault as its REST API is documented: the challenge, a key's versions, wrapkey and unwrapkey; and the
tenant's token endpoint beside it.

https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.mailer.https_server import Answer, HttpsServer, Request, reply

TENANT, CLIENT, SECRET = str(uuid4()), str(uuid4()), "canary-of-the-service-principal"
TOKEN = "eyJ0eXAi-canary-access-token"
OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class KeyVaultServer(HttpsServer):
    """`may`: the operations that the service principal's role has. Its host is "ring.localhost", in the domain
    "localhost": the client trusts a challenge of the vault's own domain alone."""

    may = frozenset({"get", "wrapkey", "unwrapkey"})
    instead: Answer | None = None

    def __enter__(self) -> KeyVaultServer:
        super().__enter__()
        self._versions: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate()
        self.routes[""] = self._answer
        return self

    @property
    def vault(self) -> str:
        return f"https://ring.localhost:{self.port}"

    @property
    def address(self) -> str:
        """As ALERTADMIN_KEYS has it."""
        return f"{self.vault}/keys/ring"

    @property
    def authority(self) -> str:
        """As AZURE_AUTHORITY_HOST has it."""
        return f"https://localhost:{self.port}"

    def rotate(self) -> str:
        version = uuid4().hex
        self._versions[version] = rsa.generate_private_key(65537, 2048)
        return version

    def _answer(self, request: Request) -> bytes:
        if self.instead:
            return self.instead(request)
        path, _query, query = request.path.partition("?")
        if path.startswith(f"/{TENANT}/"):
            return self._entra(path, request)
        if not re.fullmatch(r"api-version=7\.\d|api-version=20\d\d-\d\d-\d\d", query):
            return _error(400, "BadParameter", "api-version is missing")(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            challenge = f'Bearer authorization="{self.authority}/{TENANT}", resource="https://localhost:{self.port}"'
            said = "AKV10000: Request is missing a Bearer or PoP token."
            return _error(401, "Unauthorized", said, WWW_Authenticate=challenge)(request)
        found = re.fullmatch(r"/keys/ring(?:/([0-9a-f]{32}))?(?:/(wrapkey|unwrapkey))?/?", path)
        if not found or (found[1] and found[1] not in self._versions):
            return _error(404, "KeyNotFound", "A key with (name/id) ring was not found in this key vault.")(request)
        version, act = found[1] or [*self._versions][-1], found[2] or "get"
        if act not in self.may:
            said = "Caller is not authorized to perform action on resource.\nAction: 'Microsoft.KeyVault/vaults/keys'"
            return _error(403, "Forbidden", said, "ForbiddenByRbac")(request)
        return (self._bundle(version) if act == "get" else self._done(act, version, json.loads(request.body)))(request)

    def _entra(self, path: str, request: Request) -> bytes:
        home = f"{self.authority}/{TENANT}"
        if path.endswith("/openid-configuration"):
            ends = {"issuer": f"{home}/v2.0", "token_endpoint": f"{home}/oauth2/v2.0/token"}
            return reply(200, {**ends, "authorization_endpoint": f"{home}/oauth2/v2.0/authorize"})(request)
        form = request.form
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            said = "AADSTS7000215: Invalid client secret provided."
            return reply(401, {"error": "invalid_client", "error_description": said, "error_codes": [7000215]})(request)
        assert form["scope"] == f"https://localhost:{self.port}/.default"
        return reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})(request)

    def _bundle(self, version: str) -> Answer:
        numbers = self._versions[version].public_key().public_numbers()
        key = {"kid": f"{self.address}/{version}", "kty": "RSA", "key_ops": ["wrapKey", "unwrapKey"]}
        key |= {"n": _encoded(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
        attributes = {"enabled": True, "created": 1_790_000_000, "updated": 1_790_000_000, "recoveryLevel": "Purgeable"}
        return reply(200, {"key": key, "attributes": attributes}, Content_Type="application/json")

    def _done(self, act: str, version: str, asked: dict[str, Any]) -> Answer:
        if asked["alg"] != "RSA-OAEP-256":
            return _error(400, "BadParameter", "Property alg has invalid value")
        key, value = self._versions[version], base64.urlsafe_b64decode(asked["value"] + "==")
        try:
            result = key.public_key().encrypt(value, OAEP) if act == "wrapkey" else key.decrypt(value, OAEP)
        except ValueError:
            return _error(400, "BadParameter", "The parameter is incorrect.")
        return reply(
            200, {"kid": f"{self.address}/{version}", "value": _encoded(result)}, Content_Type="application/json"
        )


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _error(status: int, code: str, message: str, inner: str = "", **headers: str) -> Answer:
    error = {"code": code, "message": message, **({"innererror": {"code": inner}} if inner else {})}
    return reply(status, {"error": error}, Content_Type="application/json", **headers)
