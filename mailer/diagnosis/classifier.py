"""Classification of a text by cause. Precedence, strongest first:

1. a phrase or second code that distinguishes the causes of one code (Rank.REFINED);
2. an AADSTS number with one cause;
3. any other code with one cause: Exchange's and Graph's names, SMTP's enhanced codes (Rank.CODE);
4. an AADSTS number of a family (`aadsts.FAMILIES`);
5. a phrase (Rank.WORDING); 6. a family of codes (Rank.GENERIC); 7. concepts close together (Rank.COMPOSED,
`rules.compositions`); 8. a bare number of many causes (Rank.NUMBER); 9. a bare status (Rank.HINT).

A library that quotes the server ("Mailbox unavailable. The server response was: …") only repeats the reply's number in
its own words: below the rank of a code, the quoted words decide.

A message that has come back is not "temporary", even if its bounce repeats the number of a delay.

Among equal ranks the order of `all_rules.ALL_RULES` decides; among AADSTS numbers, the first in the text. With an
unknown AADSTS number OAuth's generic words are ignored: `invalid_client` beside it does not mean a wrong secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailer.diagnosis import normalization
from mailer.diagnosis.rules.aadsts import AADSTS, FAMILIES
from mailer.diagnosis.rules.all_rules import ALL_RULES
from mailer.diagnosis.rules.compositions import compose
from mailer.diagnosis.rules.http_status import OAUTH_WORDS
from mailer.diagnosis.rules.ndr import FINAL, PENDING
from mailer.diagnosis.rules.rule import Rank, Rule

_NUMBER = re.compile(r"aadsts[ :#_-]{0,2}(\d{4,8})(?: (\d{1,4})(?=:))?")
_LISTED = re.compile(
    r"(?:error_?codes?|error ?code|code d'erreur|fehlercode|errornumber|error\?code|failure ?reason ?code)"
    r"['\"]{0,2} ?[:=]? ?[\[(]? ?['\"]?(\d{5,8})\b"
)
_LOOKALIKE = re.compile(r"aadsts[ :#_-]{0,2}(\d[\dilos]{3,7})\b")
_DIGITS = str.maketrans("ilos", "1105")
"""Letters that text recognition returns for digits."""
_MOST_NUMBERS = 200
_PASSING = frozenset({"transient", "throttled"})
"""Causes that pass by themselves."""
_CREDENTIALS = 70002
"""Stands before the number of the actual cause in old texts."""
_ANSWERED = re.compile(
    r"(?<!\d)[45][0-5]\d[ -]{1,2}(?:[45]\.\d\.\d|[a-z<])|(?<![\d.])5\.[1-7]\.\d{1,3}(?!\d|\.\d)|aadsts\d"
)
"""Signs that a server was reached and refused."""
_QUOTED = re.compile(
    r"(?:server(?:'s)? (?:response|reply)(?: was)?|server (?:responded|replied|said|returned)(?: with)?"
    r"|(?:die )?server-?antwort(?: war| lautete)?|antwort des servers(?: war| lautete)?"
    r"|reponse du serveur(?: etait)?|respuesta del servidor(?: fue)?|risposta del server(?: e stata| era)?"
    r"|(?:antwoord|reactie) van de server(?: was)?|serverantwoord(?: was)?|resposta do servidor(?: foi)?) ?: ?"
)
"""Before a server's words in those of a library: System.Net.Mail in its languages, Outlook, Thunderbird."""
_QUOTATION = 400
"""Characters that are read of a quotation."""
_ONE_ERROR = 250
"""Codes within so many characters belong to one error."""


@dataclass(frozen=True)
class Classification:
    """A cause, and the rank of the rule that matched."""

    slug: str
    rank: int


def entra_numbers(plain_text: str) -> list[int]:
    """AADSTS numbers in the order of the text, each once. A number broken by a line end is joined if it is known."""
    found: dict[int, None] = {}
    for matches in (_NUMBER.finditer(plain_text), _LISTED.finditer(plain_text)):
        for match in _first(matches):
            whole = match[1] + (match[2] or "" if match.re is _NUMBER else "")
            number = int(whole)
            found[number if number in AADSTS else int(match[1])] = None
    if not any(number in AADSTS for number in found):
        read = (int(match[1].translate(_DIGITS)) for match in _first(_LOOKALIKE.finditer(plain_text)))
        return [number for number in dict.fromkeys(read) if number in AADSTS] or list(found)
    return list(found)


def classify(text: str) -> Classification | None:
    """Classify a text; of several errors the first counts. None if no rule matches."""
    plain_text = normalization.normalize_text(normalization.unwrap(text))
    return classify_text(plain_text, entra_numbers(plain_text), classify_lines(plain_text))


def classify_text(plain_text: str, numbers: list[int], errors: list[Classification]) -> Classification | None:
    """As `classify`, with the normalized text, its AADSTS numbers and the classifications of its errors."""
    verdict = _quoted_or(_classify_errors(plain_text, numbers, errors), plain_text, numbers)
    if verdict is None and PENDING.search(plain_text):
        return Classification("transient", Rank.HINT)
    if verdict is None and FINAL.search(plain_text):
        return Classification("recipient_rejected", Rank.HINT)
    if verdict is not None and verdict.slug in _PASSING and FINAL.search(plain_text) and not PENDING.search(plain_text):
        return Classification("recipient_rejected", verdict.rank)
    return verdict


def _quoted_or(verdict: Classification | None, plain_text: str, numbers: list[int]) -> Classification | None:
    """The verdict, or that of the words which the text quotes from the server if those are understood."""
    mark = _QUOTED.search(plain_text)
    if mark is None or numbers or (verdict is not None and verdict.rank >= Rank.CODE):
        return verdict
    words = plain_text[mark.end() : mark.end() + _QUOTATION]
    said = _classify_errors(words, [], [])
    return said if said is not None and said.rank >= Rank.COMPOSED else verdict


def _classify_errors(plain_text: str, numbers: list[int], errors: list[Classification]) -> Classification | None:
    verdict = _best(plain_text, numbers, squeezed=False)
    reached = False
    if verdict is not None and verdict.slug == "network" and _ANSWERED.search(plain_text):
        # "Connection closed" after a refusal is its consequence: the server was reached.
        refusal = _best(plain_text, numbers, squeezed=False, reached=True)
        verdict, reached = refusal or verdict, refusal is not None
    if verdict is not None and verdict.rank >= Rank.CODE and len(errors) > 1:
        return errors[0]
    if verdict is not None and verdict.rank >= Rank.REFINED:
        return verdict
    packed = normalization.strip_spaces(plain_text)
    known = numbers if any(number in AADSTS for number in numbers) else _unspaced_numbers(packed, numbers)
    verdict = _stronger(verdict, _best(packed, known, squeezed=True, reached=reached))
    # Beside an AADSTS number that is not known, words such as "token" and "invalid" say nothing of the cause.
    if not numbers and (verdict is None or verdict.rank < Rank.COMPOSED):
        slug = compose(plain_text)
        reached = reached or (verdict is not None and bool(_ANSWERED.search(plain_text)))
        if slug is not None and not (reached and slug == "network"):
            verdict = Classification(slug, Rank.COMPOSED)
    return verdict


def classify_lines(plain_text: str) -> list[Classification]:
    """Classify each error of a text, in its order, by the codes that have one cause.

    Codes close together belong to one error; the one with the highest rank counts.
    """
    found: list[Classification] = []
    last = -_ONE_ERROR
    for at, verdict in sorted(_coded(plain_text), key=lambda one: one[0]):
        if at - last >= _ONE_ERROR or not found:
            found.append(verdict)
        elif verdict.rank > found[-1].rank:
            found[-1] = verdict
        last = at
    return list({verdict.slug: verdict for verdict in reversed(found)}.values())[::-1]


def _coded(plain_text: str) -> list[tuple[int, Classification]]:
    """The first position of each code that has one cause, and its classification."""
    numbers = ((match.start(), int(match[1])) for match in _first(_NUMBER.finditer(plain_text)))
    known = [
        (at, Classification(AADSTS[number], Rank.CODE + 1))
        for at, number in numbers
        if number in AADSTS and number not in FAMILIES
    ]
    letters = set(plain_text)
    coded = (rule for rule in ALL_RULES if rule.rank >= Rank.CODE and rule.may_match(letters))
    matches = ((rule, rule.found_in(plain_text)) for rule in coded)
    return known + [(match.start(), Classification(rule.slug, rule.rank)) for rule, match in matches if match]


def _best(view: str, numbers: list[int], *, squeezed: bool, reached: bool = False) -> Classification | None:
    """The verdict of the strongest rule; `reached`: of those that are about a server that answered."""
    verdict = _by_number(numbers)
    letters = set(view)
    silent = frozenset(OAUTH_WORDS) if numbers and verdict is None else frozenset[Rule]()
    for rule in ALL_RULES:
        if verdict is not None and rule.rank <= verdict.rank:
            continue
        if rule in silent or (squeezed and rule.rank < Rank.WORDING) or (reached and rule.slug == "network"):
            continue
        if rule.may_match(letters, squeezed=squeezed) and rule.found_in(view, squeezed=squeezed):
            verdict = Classification(rule.slug, rule.rank)
    return verdict


def _by_number(numbers: list[int]) -> Classification | None:
    known = [number for number in numbers if number in AADSTS]
    if exact := [number for number in known if number not in FAMILIES]:
        return Classification(AADSTS[exact[0]], Rank.CODE + 1)
    families = [number for number in known if number != _CREDENTIALS] or known
    return Classification(AADSTS[families[0]], Rank.CODE - 1) if families else None


def _unspaced_numbers(packed: str, whole: list[int]) -> list[int]:
    """AADSTS numbers in a text without spaces, where other digits may follow: the longest known number. Numbers that
    the text has as a `whole` are unknown, and no beginning of them is meant."""
    found = []
    for match in _first(_NUMBER.finditer(packed)):
        digits = match[1]
        if int(digits) in whole:
            continue
        found += [int(digits[:length]) for length in range(len(digits), 3, -1) if int(digits[:length]) in AADSTS][:1]
    return found


def _stronger(first: Classification | None, second: Classification | None) -> Classification | None:
    if first is None or (second is not None and second.rank > first.rank):
        return second
    return first


def _first(matches: Iterable[re.Match[str]]) -> Iterable[re.Match[str]]:
    for count, match in enumerate(matches):
        if count >= _MOST_NUMBERS:
            return
        yield match
