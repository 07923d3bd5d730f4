"""What a page must not say to its reader: stamps, names of the code and of libraries, Python's own words."""

from __future__ import annotations

import re
from html import unescape

UNREAD = re.compile(
    r"<(script|style|code|pre|textarea|samp|kbd|template|option)\b.*?</\1>|<!--.*?-->|"
    r'<(\w+)[^>]* class="[^"]*\b(?:id|mono|copyable|code)\b[^"]*"[^>]*>[^<]*</\2>',
    re.DOTALL,
)
"""Values to copy, which are shown as they are."""
EXAMPLES = frozenset({"2027-12-31", "2028-11-22"})
"""Dates in help texts, as they can be entered."""
NAMES = frozenset({"full_access_as_app", "import_registrations", "send_reminders", "sign_in_link", "verify_audit"})
"""A permission of Microsoft, and commands of the manual."""
TECHNICAL = {
    "a stamp": re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d\S*)?"),
    "a name of the code": re.compile(r"(?<![\w/.%-])[a-z]+(?:_[a-z]+)+(?![\w(=.])"),
    "a library": re.compile(
        r"\b(?:exchangelib|celery|django|aiosmtplib|granian|psycopg|allauth|htmx)\b", re.IGNORECASE
    ),
    "a value of Python": re.compile(r"(?:(?<=\n)|[(=:,]) ?(?:None|True|False|NaN) ?(?=[\n),;])"),
    "an exception": re.compile(r"\b[A-Z]\w+(?:Error|Exception)\b|\bTraceback\b"),
    "an enum": re.compile(r"\b[A-Z][a-z]+[A-Za-z]*\.[A-Z_]{2,}\b"),
}


def technical(html: str) -> list[str]:
    """Each such word of a page's text, with the reason."""
    text = unescape(re.sub(r"<[^>]*>", "\n", re.sub(r"\s+", " ", UNREAD.sub(" ", html))))
    return [
        f"{why}: …{text[max(0, hit.start() - 40) : hit.end() + 20]}…"
        for why, pattern in TECHNICAL.items()
        for hit in pattern.finditer(text)
        if hit.group() not in EXAMPLES | NAMES
    ]
