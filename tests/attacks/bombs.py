"""Small files and responses that decompress, nest or continue without limit."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from functools import cache

UNPACKED = 400_000_000
"""Bytes of a gzip bomb: more than a process here may grow by."""
GZIP_HEADER = b"\x1f\x8b\x08" + bytes(7)


@dataclass(frozen=True)
class BombAnswer:
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    drips: bool = False


@cache
def gzip_bomb() -> bytes:
    """Of some hundred kilobytes; begins like JSON. Made of one part that is compressed once and repeated."""
    packer, piece = zlib.compressobj(5, wbits=-zlib.MAX_WBITS), b" " * 1_000_000
    begin = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before.
    part = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    parts = UNPACKED // len(piece)
    checksum = zlib.crc32(b"[")
    for _part in range(parts):
        checksum = zlib.crc32(piece, checksum)
    end = packer.flush() + struct.pack("<LL", checksum, 1 + UNPACKED)
    return GZIP_HEADER + begin + part * parts + end


def nested_mime(depth: int) -> bytes:
    """Multipart in multipart, each with a boundary of its own."""
    opened = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (level, level + 1) for level in range(depth)
    )
    return b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + opened


def billion_laughs() -> bytes:
    """XML whose one entity is a billion characters."""
    entities = "".join(f'<!ENTITY a{level + 1} "{f"&a{level};" * 10}">' for level in range(9))
    return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">{entities}]><a>&a9;</a>'.encode()


def answers() -> dict[str, BombAnswer]:
    json_type = {"Content-Type": "application/json"}
    return {
        "a gzip bomb": BombAnswer(gzip_bomb(), {**json_type, "Content-Encoding": "gzip"}),
        "nested JSON": BombAnswer(b"[" * 900_000, json_type),
        "nested objects": BombAnswer(b'{"error":' * 100_000, json_type),
        "nested XML": BombAnswer(b"<a>" * 300_000, {"Content-Type": "text/xml"}),
        "XML that unfolds": BombAnswer(billion_laughs(), {"Content-Type": "text/xml"}),
        "nested MIME": BombAnswer(nested_mime(20_000), {"Content-Type": "multipart/mixed; boundary=b0"}),
        "a flood": BombAnswer(b" " * 50_000_000, json_type),
        "one that drips": BombAnswer(b"", json_type, drips=True),
    }


def csv_files() -> dict[str, bytes]:
    """Each is as large as the page lets it be."""
    header = (
        b"tenant_name,directory_id,cloud,contact_emails,app_name,client_id,audience,secret_description,secret_value,"
        b"secret_expires_on,mailbox,transport\n"
    )
    size = 10 * 1024 * 1024 - 10_000
    return {
        "a quotation without an end": header + b'"' + b"a," * (size // 2),
        "lines without an end": header + b"a,b\n" * (size // 4),
        "a line without an end": header + b"a," * (size // 2),
        "columns without an end": b"a," * (size // 2),
        "addresses without an end": header + b'T,x,global,"' + b"a@b.example;" * (size // 12) + b'"\n',
        "empty lines": header + b"\n" * size,
    }
