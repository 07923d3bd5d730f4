"""Minimal ASN.1 DER encoder for malformed structures."""

from __future__ import annotations


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def octets(content: bytes) -> bytes:
    return der(0x04, content)


def integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(text: str) -> bytes:
    first, second, *rest = (int(arc) for arc in text.split("."))
    content = bytes([40 * first + second])
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        content += bytes(reversed(septets))
    return der(0x06, content)


NULL = der(0x05)
SHA256, HMAC_SHA256, AES256_CBC = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"
PBES2, PBKDF2, SCRYPT, PBE_3DES = (
    "1.2.840.113549.1.5.13",
    "1.2.840.113549.1.5.12",
    "1.3.6.1.4.1.11591.4.11",
    "1.2.840.113549.1.12.1.3",
)
DATA, ENCRYPTED_DATA, SHROUDED_KEY = (
    "1.2.840.113549.1.7.1",
    "1.2.840.113549.1.7.6",
    "1.2.840.113549.1.12.10.1.2",
)


def pbkdf2(rounds: int) -> bytes:
    return sequence(oid(PBKDF2), sequence(octets(b"salt" * 2), integer(rounds), sequence(oid(HMAC_SHA256), NULL)))


def scrypt(cost: int, block: int, lanes: int) -> bytes:
    return sequence(oid(SCRYPT), sequence(octets(b"salt" * 2), integer(cost), integer(block), integer(lanes)))


def pbes2(derivation: bytes) -> bytes:
    return sequence(oid(PBES2), sequence(derivation, sequence(oid(AES256_CBC), octets(b"iv" * 8))))


def pbe(rounds: int) -> bytes:
    """The way of PKCS#12 itself (RFC 7292, appendix B)."""
    return sequence(oid(PBE_3DES), sequence(octets(b"salt" * 2), integer(rounds)))


def encrypted_key(algorithm: bytes) -> bytes:
    return sequence(algorithm, octets(b"x" * 64))


def pfx(contents: bytes, mac_rounds: int | None = None) -> bytes:
    parts = [integer(3), sequence(oid(DATA), der(0xA0, octets(contents)))]
    if mac_rounds is not None:
        digest = sequence(sequence(oid(SHA256), NULL), octets(b"d" * 32))
        parts.append(sequence(digest, octets(b"salt" * 2), integer(mac_rounds)))
    return sequence(*parts)


def key_bag(algorithm: bytes) -> bytes:
    """AuthenticatedSafe of one SafeContents of one shrouded key."""
    bag = sequence(oid(SHROUDED_KEY), der(0xA0, encrypted_key(algorithm)))
    return sequence(sequence(oid(DATA), der(0xA0, octets(sequence(bag)))))


def encrypted_contents(algorithm: bytes) -> bytes:
    info = sequence(oid(DATA), algorithm, der(0x80, b"x" * 64))
    return sequence(sequence(oid(ENCRYPTED_DATA), der(0xA0, sequence(integer(0), info))))
