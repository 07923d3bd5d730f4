"""From what a person pasted to a text that rules can read: unwrapped, unescaped, lower case, without accents.

Programs print errors in many coats: quoted-printable bounces, JSON in JSON, HTML pages, PowerShell wrapped at 80
columns, SMTP replies over several lines, log prefixes. Each coat is taken off once, in a fixed order, in linear time.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

LONGEST = 30_000
"""Characters that rules read, so that no text takes them longer than some 50 ms. Of a longer text: its beginning and
its end, where the cause stands, and of what is between them whatever stands about codes."""
_CODES = re.compile(r"AADSTS ?\d|Error[A-Z][a-z]|[245]\.\d{1,2}\.\d|\"code\\?\"|rror ?code|invalid_|denied|TLS|SSL")
_WORDS = re.compile(r"[45]\d\d[ :)-]|rror|xception|ertificate|xpired|ailed|refused|timed out|nsuccessful|ermission")
"""What errors have about them; looked for in a text as it was pasted, the words where codes leave room."""
_ABOUT = 200
"""Characters that are read on either side of it."""
_FARTHEST = 1_000_000
"""Characters of what is between that are looked through."""
_MOST_BYTES = 480_000

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
_LINE_COAT = re.compile(
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
    """Text of any bytes: UTF-8, UTF-16 where it looks so (PowerShell's files), never an error."""
    if isinstance(data, str):
        return data
    data = data[:_MOST_BYTES]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def truncate(text: str, longest: int = LONGEST) -> str:
    """Two fifths of what is read are the beginning, two the end, one what stands about signals between them."""
    if len(text) <= longest:
        return text
    edge = longest * 2 // 5
    between = "\n".join(_about_signals(text[edge:-edge][:_FARTHEST], longest - 2 * edge))
    return f"{text[:edge]}\n{between}\n{text[-edge:]}"


def _about_signals(text: str, most: int) -> Iterator[str]:
    read = 0
    for signal in (_CODES, _WORDS):
        at = 0
        while read < most and (match := signal.search(text, at)):
            at = match.end() + _ABOUT
            part = text[max(0, match.start() - _ABOUT) : at][: most - read]
            read += len(part)
            yield part


def unwrap(text: str, longest: int = LONGEST) -> str:
    """The text, or what is read of it, without its coats, still with its case, accents and lines."""
    text = truncate(text, longest).translate(_INVISIBLE)
    if _QUOTED_PRINTABLE.search(text):
        text = _QUOTED_BYTES.sub(_quoted_bytes, _SOFT_BREAK.sub("", text))
    text = _QUERY_TEXT.sub(lambda match: unquote_plus(match[0]), text)
    if len(_PERCENT.findall(text)) > 1:
        text = unquote(text, errors="replace")
    text = _JSON_UNICODE.sub(_json_character, text)
    text = _JSON_QUOTE.sub(r"\1", _JSON_BREAK.sub("\n", text))
    text = html.unescape(html.unescape(text))
    text = _MOJIBAKE.sub(_read_aright, _HTML_TAG.sub(" ", text))
    return _joined_replies(_LINE_COAT.sub("", text))


def normalize_text(text: str) -> str:
    """The view rules are written for: one line, lower case, no accents, straight quotes. Takes an undressed text."""
    folded = unicodedata.normalize("NFKD", text.translate(_STRAIGHT))
    kept = "".join(character for character in folded if not unicodedata.combining(character))
    return _SPACES.sub(" ", kept.casefold()).strip()


def strip_spaces(plain_text: str) -> str:
    """Without any space: for texts that were broken in the middle of words."""
    return plain_text.replace(" ", "")


def _quoted_bytes(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("=", ""))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _read_aright(match: re.Match[str]) -> str:
    """UTF-8 that was read as Windows-1252: "Ã©" is "é"; what is none is left as it stands."""
    for length in (len(match[0]), 2):
        try:
            return match[0][:length].encode("cp1252").decode("utf-8") + match[0][length:]
        except UnicodeError:
            continue
    return match[0]


def _json_character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number and not 0xD800 <= number <= 0xDFFF else " "


def _joined_replies(text: str) -> str:
    """An SMTP reply over several lines, each with its code again, as one sentence."""
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
