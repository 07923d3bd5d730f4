"""Mail as bytes: headers, parts and how they are put together. Source: RFC 5322, 2045 to 2047, 2231.

Written by hand: Python's model of a message parses every header it is given, which took longer than sending did.
What comes in is one line where it is a header, and free of NUL and lone surrogates (see `message`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

LINE = 76
LONGEST_LINE = 990
"""Octets that any server takes; RFC 5322 says 998."""


def header(name: str, value: str, *, utf8: bool = False) -> bytes:
    """Folded between words; in encoded words where it holds more than ASCII, unless UTF-8 may stand in headers."""
    words = value.split(" ")
    plain = (utf8 or value.isascii()) and "=?" not in value
    if plain and max(len(word.encode()) for word in words) < LONGEST_LINE - len(name):
        return _folded(f"{name}:", words)
    return _folded(f"{name}:", _encoded_words(value, LINE - len(f"{name}: ")))


def addresses(name: str, listed: Sequence[str]) -> bytes:
    """Folded between addresses."""
    return _folded(f"{name}:", [*(f"{address}," for address in listed[:-1]), *listed[-1:]])


def text(content: str, subtype: str) -> bytes:
    """A part of text, in UTF-8: as it is where that is ASCII in short lines, else in the shorter of two encodings."""
    lines = content.replace("\r\n", "\n").replace("\r", "\n")
    data = lines.encode() if lines.endswith("\n") else f"{lines}\n".encode()
    if data.isascii() and max(map(len, data.split(b"\n"))) <= LINE:
        encoding, body = "7bit", data
    else:
        in_words, in_letters = binascii.b2a_qp(data, istext=True), base64.encodebytes(data)
        encoding, body = min(("quoted-printable", in_words), ("base64", in_letters), key=lambda each: len(each[1]))
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return kind.encode() + body.replace(b"\n", b"\r\n")


def attachment(name: str, content_type: str, content: bytes) -> bytes:
    headers = (
        f"Content-Type: {content_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {_filename(name)}\r\n\r\n"
    )
    return headers.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def multipart(subtype: str, parts: Iterable[bytes], boundary: str) -> bytes:
    """The boundary must be in none of the parts."""
    parted = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return (
        f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode()
        + parted
        + f"--{boundary}--\r\n".encode()
    )


def _folded(start: str, words: Iterable[str]) -> bytes:
    """No line holds nothing but space: that would end the headers for some."""
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > LINE and lines[-1].strip() and lines[-1] != start:
            lines.append(f" {word}")
        else:
            lines[-1] += f" {word}"
    return "\r\n".join(lines).encode() + b"\r\n"


def _encoded_words(value: str, room: int) -> Iterator[str]:
    """Each of whole characters and at most 75 letters long; the first has `room` for itself."""
    chunk, most = b"", _fits(room)
    for character in value:
        if len(chunk) + len(character.encode()) > most:
            yield f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="
            chunk, most = b"", _fits(LINE - 1)
        chunk += character.encode()
    yield f"=?utf-8?b?{base64.b64encode(chunk).decode()}?="


def _fits(room: int) -> int:
    """Octets that make an encoded word of so many letters; never less than one character."""
    return max((room - len("=?utf-8?b??=")) // 4 * 3, 4)


def _filename(name: str) -> str:
    if name.isascii() and len(name) < LINE:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'filename="{escaped}"'
    encoded = f"utf-8''{quote(name, safe='')}"
    pieces = [encoded[start : start + 60] for start in range(0, len(encoded), 60)]
    return ";\r\n ".join(f"filename*{number}*={piece}" for number, piece in enumerate(pieces))
