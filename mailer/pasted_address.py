"""E-mail addresses as people paste them: with a name, in brackets or quotes, with `mailto:` or `SMTP:`, in lists of any
separation. Pure functions; `mailer.email_address` judges what is found.

Sources: RFC 5322, 3.4 (names, comments); RFC 6068 (mailto); Microsoft, "proxyAddresses attribute" (SMTP:, X500:) and
"Properties of a Microsoft Entra B2B collaboration user" (#EXT#).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from mailer.email_address import MAX_INPUT, EmailAddress, Flaw, InvalidAddress, canonical, parse, strip_invisible

_SAME = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»＂", '"'),
        **dict.fromkeys("＜‹〈⟨", "<"),
        **dict.fromkeys("＞›〉⟩", ">"),
        "；": ";",
        **dict.fromkeys("，、،", ","),
    }
)
"""Characters of word processors and input methods, none of which an address can contain."""
_ENTITIES = re.compile(r"&(lt|gt|quot);", re.IGNORECASE)
_ENTITY = {"lt": "<", "gt": ">", "quot": '"'}
_LABEL = re.compile(r"(?i)(?:to|cc|an|à|from|von|de|e-?mail|mail|courriel|address|adresse|mailto|smtp)\s?:\s+")
"""As copied from the head of a message or from a signature."""
_OTHER_KIND = re.compile(r"(?i)\{?\s*(?:(?:x500|x400|sip|spo|eum|ex|notes|msmail|gwise):|/o=|imceaex-)")
"""Addresses that Exchange keeps beside those of SMTP."""
_AT_SIGNS = frozenset("@＠﹫")
_QUOTES = (('"', '"'), ("'", "'"), ("‘", "’"), ("‚", "‘"), ("`", "`"), ("*", "*"), ("[", "]"), ("{", "}"), ("(", ")"))
"""Around an address. No domain ends with one of the second, except in brackets, which are refused either way."""


def parse_pasted(text: str) -> EmailAddress:
    """Parse the one address in a text. Raises InvalidAddress, also if there are several."""
    if len(text) > MAX_INPUT:
        raise InvalidAddress(Flaw.TOO_LONG)
    words = split_addresses(text)
    if not words:
        return parse(text)
    if len(words) == 1:
        return _parse_word(words[0])
    try:
        found = {address.canonical: address for address in map(_parse_word, words)}
    except InvalidAddress:
        raise InvalidAddress(Flaw.FORM) from None
    if len(found) > 1:
        raise InvalidAddress(Flaw.SEVERAL)
    return found.popitem()[1]


def canonical_pasted(text: str) -> str:
    """The canonical form of the one address in a text, to look it up. For other text as `email_address.canonical`."""
    try:
        return parse_pasted(text).canonical
    except InvalidAddress:
        return canonical(text)


def split_addresses(text: str) -> list[str]:
    """Split a pasted list into addresses, not yet validated: separated by lines, semicolons, commas or spaces.

    Names around addresses, as Outlook copies them ("Svensson, Anna <anna@example.com>; …"), quotes around them,
    `mailto:` and `SMTP:` are dropped. A word that is no address stays, so that the caller can name it.
    """
    text = _ENTITIES.sub(lambda match: _ENTITY[match[1].lower()], text).translate(_SAME)
    words = (word for part in re.split(r"[;\r\n\t]+", text) for word in _words_of(part))
    return list(dict.fromkeys(word for word in words if word))


def _parse_word(word: str) -> EmailAddress:
    if _OTHER_KIND.match(word):
        raise InvalidAddress(Flaw.NOT_SMTP)
    address = parse(word)
    if "#ext#@" in address.canonical:
        raise InvalidAddress(Flaw.GUEST)
    return address


def _words_of(part: str) -> list[str]:
    """The words of a text without semicolons and line breaks."""
    part = strip_invisible(part)
    if label := _LABEL.match(part):
        part = part[label.end() :]
    if part.startswith("{") and part.endswith("}"):  # a list of PowerShell
        part = part[1:-1]
    if _OTHER_KIND.match(part):
        return [part]
    part = _mark_brackets(part)
    found: list[str] = []
    # By `find`, since an expression would take quadratic time on a long text without brackets.
    rest = 0
    while (opening := part.find("<", rest)) >= 0 and (closing := part.find(">", opening)) >= 0:
        name = re.sub(r'"[^"]*"', " ", part[rest:opening])
        for word in re.split(r"[,\s]+", name):
            found += _undressed(word) if _has_address(word) else []
        found += _undressed(part[opening + 1 : closing])
        rest = closing + 1
    for piece in re.split(r"(?<=[,\s])(?=mailto:)", part[rest:], flags=re.IGNORECASE):
        is_link = re.match(r"(?i)\s*[\"']?mailto:\S*\?", piece)
        for word in [piece] if is_link else re.split(r"[,\s]+", piece):
            found += _undressed(word)
    return found


def _mark_brackets(part: str) -> str:
    """`[name](mailto:address)` of Markdown and `name (address)` of Outlook, as `name <address>`; without comments in
    round brackets behind an address."""
    part = re.sub(r"\[([^\[\]]*)\]\(([^()]*)\)", r"\1 <\2>", part)
    first = next((place for place, character in enumerate(part) if character in _AT_SIGNS), len(part))

    def marked(match: re.Match[str]) -> str:
        if _AT_SIGNS & set(match[1]):
            return f"<{match[1]}>"
        return " " if first < match.start() else match[0]

    return re.sub(r"(?<!\S)\(([^()<>]*)\)(?=[\s,]|$)", marked, part)


def _has_address(word: str) -> bool:
    return any(character in _AT_SIGNS for character in word[1:-1])


def _undressed(word: str) -> list[str]:
    """The word without quotes, scheme and final punctuation around it; several for a link to several."""
    word = strip_invisible(word)
    for opening, closing in _QUOTES:
        if len(word) > 1 and word[0] == opening and word[-1] == closing and not word.startswith("@"):
            word = strip_invisible(word[1:-1])
    if re.match(r"(?i)mailto:", word):
        return [each for one in _linked(word[7:]) for each in _undressed(one)]
    word = re.sub(r"(?i)^smtp:", "", word)
    if _has_address(word):
        word = re.sub(r"(?<![.,:])[.,:]$", "", word)
    return [strip_invisible(word)]


def _linked(link: str) -> list[str]:
    """The recipients of a link, all of them, without `mailto:`. Slack writes a label behind a `|`."""
    path, _mark, query = link.partition("|")[0].partition("?")
    fields = [field.partition("=")[::2] for field in re.split(r"&amp;|&", query)]
    listed = [path, *(value for name, value in fields if name.lower() in ("to", "cc", "bcc"))]
    return [unquote(one) for each in listed for one in each.split(",") if one.strip()]
