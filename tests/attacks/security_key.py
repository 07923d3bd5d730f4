"""A software security key that signs as a thief, another site or a clone would."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

Flag = AuthenticatorData.FLAG


@dataclass
class SecurityKey:
    origin: str = "http://localhost:8480"
    """Of the page that asked it, as the browser says."""
    rp_id: str = "localhost"
    verifies: bool = True
    """Whether it asked for a PIN or a fingerprint."""
    count: int = 0
    """Its signature counter; it stays 0 where `counts` is False, as that of a synced passkey does."""
    counts: bool = True
    id: bytes = b"a credential of a test"
    user_handle: str = ""
    """Nothing signs it: what it names is a claim."""
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def register(self, options: dict[str, Any]) -> str:
        """JSON of a new credential, in answer to a page's options."""
        asked = options["publicKey"]
        self.user_handle = asked["user"]["id"]
        public = ES256.from_cryptography_key(self.private.public_key())  # type: ignore[no-untyped-call]
        data = self._data(Flag.AT, AttestedCredentialData.create(b"\0" * 16, self.id, public))
        attested = AttestationObject.create("none", data, {})
        return self._answer("create", asked["challenge"], attestationObject=websafe_encode(attested))

    def sign(self, options: dict[str, Any]) -> str:
        """JSON of an assertion, in answer to a page's options."""
        challenge = options["publicKey"]["challenge"]
        data = self._data(Flag(0))
        client = self._client("get", challenge)
        signature = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            "get",
            challenge,
            authenticatorData=websafe_encode(data),
            signature=websafe_encode(signature),
            userHandle=self.user_handle,
        )

    def _data(self, flags: Flag, credential: AttestedCredentialData | None = None) -> AuthenticatorData:
        self.count += self.counts
        flags |= Flag.UP | (Flag.UV if self.verifies else Flag(0))
        hashed = hashlib.sha256(self.rp_id.encode()).digest()
        data: AuthenticatorData = AuthenticatorData.create(hashed, flags, self.count, credential or b"")
        return data

    def _client(self, act: str, challenge: str) -> bytes:
        said = {"type": f"webauthn.{act}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, act: str, challenge: str, **response: str) -> str:
        client = websafe_encode(self._client(act, challenge))
        named = websafe_encode(self.id)
        return json.dumps(
            {
                "id": named,
                "rawId": named,
                "type": "public-key",
                "response": {"clientDataJSON": client, **response},
                "clientExtensionResults": {},
            }
        )
