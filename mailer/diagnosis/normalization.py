"""Normalization of pasted text for the rules: unwrapped, unescaped, lower case, without accents.

Programs print errors in many encodings: quoted-printable bounces, JSON in JSON, HTML pages, PowerShell wrapped at 80
columns, SMTP replies over several lines, log prefixes. Each is removed once, in a fixed order, in linear time.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

MAX_LENGTH = 30_000
"""Characters that rules search, so that no text takes longer than about 50 ms. Of a longer text: its beginning and its
end, where the cause usually is, and the surroundings of codes between them."""
_CODE_SIGNALS = re.compile(
    r"AADSTS ?\d|Error[A-Z][a-z]|[245]\.\d{1,2}\.\d|\"code\\?\"|rror ?code|invalid_|denied|TLS|SSL"
)
_WORD_SIGNALS = re.compile(
    r"[45]\d\d[ :)-]|rror|xception|ertificate|xpired|ailed|refused|timed out|nsuccessful|ermission"
)
"""Signs of an error, searched in the pasted text; words are used if codes leave room."""
_CONTEXT = 200
"""Characters kept on either side of a sign."""
_MAX_SCANNED = 1_000_000
"""Characters searched for signs between the beginning and the end."""
_MAX_BYTES = 480_000

_SOFT_BREAK = re.compile(r"=\r?\n")
_QUOTED_PRINTABLE = re.compile(r"=\r?\n|=3D|quoted-printable|=C3=[89AB][0-9A-F]|=E2=80", re.IGNORECASE)
_QUOTED_BYTES = re.compile(r"(?:=[0-9A-F]{2})+", re.IGNORECASE)
_JSON_UNICODE = re.compile(r"(?<!\\)\\{1,8}u([0-9a-fA-F]{4})")
_JSON_BREAK = re.compile(r"(?<!\\)\\{1,8}(?:r\\{1,8}n|n|[rt](?![a-z]))")
_JSON_QUOTE = re.compile(r"(?<!\\)\\{1,8}([\"'/])")
_HTML_TAG = re.compile(
    r"</?(?:br|p|div|span|b|i|strong|em|a|td|tr|th|li|ul|ol|code|pre|wbr|font|h[1-6])\b[^<>]{0,300}>", re.IGNORECASE
)
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_QUERY_TEXT = re.compile(r"(?<=error_description=)[^\s&\"'<>]{1,4000}")
_LINE_PREFIX = re.compile(
    r"^[ \t]{0,40}(?:[>|#*+][> |#*+]{0,10})?[ \t]{0,40}"
    r"(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]{0,10}(?:Z|[+-]\d\d:?\d\d)?\]?[ \t]{0,4})?",
    re.MULTILINE,
)
_REPLY = re.compile(r"([2-5]\d\d)([- ])((?:[245]\.\d{1,3}\.\d{1,3} )?)")
_MOJIBAKE = re.compile("[\xc2\xc3\xe2][^\x00-\x7f]{1,2}")
_SPACES = re.compile(r"\s+")
_STRAIGHT = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "‟": '"',
        "«": '"',
        "»": '"',
        "‐": "-",
        "‑": "-",
        "–": "-",
        "—": "-",
    }
)
_INVISIBLE = dict.fromkeys([0, 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


def as_text(data: str | bytes) -> str:
    """Decode any bytes: as UTF-16 with a byte order mark (PowerShell's files), otherwise as UTF-8. Raises nothing."""
    if isinstance(data, str):
        return data
    data = data[:_MAX_BYTES]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def truncate(text: str, longest: int = MAX_LENGTH) -> str:
    """Shorten a text: two fifths are its beginning, two its end, one the surroundings of signs of errors in between."""
    if len(text) <= longest:
        return text
    edge = longest * 2 // 5
    between = "\n".join(_signal_contexts(text[edge:-edge][:_MAX_SCANNED], longest - 2 * edge))
    return f"{text[:edge]}\n{between}\n{text[-edge:]}"


def _signal_contexts(text: str, most: int) -> Iterator[str]:
    read = 0
    for signal in (_CODE_SIGNALS, _WORD_SIGNALS):
        at = 0
        while read < most and (match := signal.search(text, at)):
            at = match.end() + _CONTEXT
            part = text[max(0, match.start() - _CONTEXT) : at][: most - read]
            read += len(part)
            yield part


def unwrap(text: str, longest: int = MAX_LENGTH) -> str:
    """The shortened text without quoting, escapes, tags and prefixes; case, accents and lines are kept."""
    text = truncate(text, longest).translate(_INVISIBLE)
    if _QUOTED_PRINTABLE.search(text):
        text = _QUOTED_BYTES.sub(_quoted_bytes, _SOFT_BREAK.sub("", text))
    text = _QUERY_TEXT.sub(lambda match: unquote_plus(match[0]), text)
    if len(_PERCENT.findall(text)) > 1:
        text = unquote(text, errors="replace")
    text = _JSON_UNICODE.sub(_json_character, text)
    text = _JSON_QUOTE.sub(r"\1", _JSON_BREAK.sub("\n", text))
    text = html.unescape(html.unescape(text))
    text = _MOJIBAKE.sub(_repair_mojibake, _HTML_TAG.sub(" ", text))
    return _join_replies(_LINE_PREFIX.sub("", text))


def normalize_text(text: str) -> str:
    """The form that rules are written for: one line, lower case, no accents, straight quotes. Takes an unwrapped
    text."""
    folded = unicodedata.normalize("NFKD", text.translate(_STRAIGHT))
    base = "".join(character for character in folded if not unicodedata.combining(character))
    return _SPACES.sub(" ", base.casefold()).strip()


def strip_spaces(plain_text: str) -> str:
    """Remove all spaces: for texts that were wrapped in the middle of words."""
    return plain_text.replace(" ", "")


def _quoted_bytes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("=", ""))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _repair_mojibake(match: re.Match[str]) -> str:
    """Repair UTF-8 that was decoded as Windows-1252: "Ã©" is "é". Other text is unchanged."""
    for length in (len(match[0]), 2):
        try:
            return match[0][:length].encode("cp1252").decode("utf-8") + match[0][length:]
        except UnicodeError:
            continue
    return match[0]


def _json_character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number and not 0xD800 <= number <= 0xDFFF else " "


def _join_replies(text: str) -> str:
    """Join the lines of an SMTP reply, removing the repeated codes."""
    lines: list[str] = []
    repeated = ""
    for line in text.splitlines():
        match = _REPLY.match(line)
        if match and match[1] == repeated:
            lines.append(line[match.end() :])
        else:
            lines.append(line)
        repeated = match[1] if match and match[2] == "-" else ""
    return "\n".join(lines)
