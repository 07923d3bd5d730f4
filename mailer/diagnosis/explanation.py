"""The explanation of a cause or a pasted text for users: what is wrong, who must act, how and where to fix it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mailer.clouds import BUILTIN, Cloud
from mailer.diagnosis import classifier, normalization
from mailer.diagnosis.causes import UNKNOWN, Owner
from mailer.diagnosis.extracted_ids import ExtractedIds, find
from mailer.diagnosis.portal_links import Link, PortalContext, links
from mailer.diagnosis.texts.advice_catalog import find_advice
from mailer.diagnosis.texts.catalog import ENTRIES
from mailer.diagnosis.texts.entry import PLACEHOLDERS

Translate = Callable[[str], str]
_MAX_CAUSES = 6


def _unchanged(text: str) -> str:
    return text


@dataclass(frozen=True)
class Diagnosis:
    """An explained cause. `fix` has the steps in order; `found` the ids and codes in a pasted text."""

    slug: str
    title: str
    explanation: str
    owner: Owner
    fix: tuple[str, ...]
    links: tuple[Link, ...]
    found: ExtractedIds = field(default_factory=ExtractedIds)
    also: tuple[str, ...] = ()
    """The causes of further errors in a pasted text."""

    def as_dict(self) -> dict[str, Any]:
        """The output of `diagnose --json`, which is an interface; it calls the slug `cause`."""
        return {
            "cause": self.slug,
            "title": self.title,
            "explanation": self.explanation,
            "owner": self.owner.value,
            "fix": list(self.fix),
            "links": [{"title": link.title, "url": link.url} for link in self.links],
            "found": {
                "codes": list(self.found.codes),
                "directory_id": self.found.directory_id,
                "client_id": self.found.client_id,
                "request_ids": dict(self.found.request_ids),
            },
        }


def explain(
    slug: str,
    *,
    cloud: Cloud | None = None,
    directory_id: str | None = None,
    client_id: str | None = None,
    mailbox: str | None = None,
    technical: str = "",
    translate: Translate = _unchanged,
) -> Diagnosis:
    """Explain a cause. An unknown slug is explained as "other". The default cloud is the worldwide one.

    `technical`: the error's own words, if they are known; they choose the advice for the kind of the cause.
    """
    context = PortalContext(cloud or BUILTIN["global"], directory_id or None, client_id or None)
    plain_text = normalization.normalize_text(normalization.unwrap(technical))
    return _explained(slug, context, mailbox, translate, plain_text)


def diagnose(
    text: str | bytes,
    *,
    cloud: Cloud | None = None,
    directory_id: str | None = None,
    client_id: str | None = None,
    mailbox: str | None = None,
    translate: Translate = _unchanged,
) -> Diagnosis:
    """Diagnose a pasted text of any size. Ids given as arguments have precedence over those in the text."""
    unwrapped = normalization.unwrap(normalization.as_text(text))
    plain_text = normalization.normalize_text(unwrapped)
    numbers = classifier.entra_numbers(plain_text)
    found = find(plain_text, numbers, unwrapped)
    errors = classifier.classify_lines(plain_text)
    verdict = classifier.classify_text(plain_text, numbers, errors)
    context = PortalContext(
        cloud or _cloud_of(plain_text),
        directory_id or found.directory_id,
        client_id or found.client_id,
        numbers[0] if numbers else None,
    )
    said = _explained(verdict.slug if verdict else UNKNOWN, context, mailbox, translate, plain_text)
    return replace(said, found=found, also=tuple(one.slug for one in errors[1:_MAX_CAUSES]))


def from_text(text: str | bytes) -> str | None:
    """The best cause of a pasted text; None if no rule matches."""
    verdict = classifier.classify(normalization.as_text(text))
    return verdict.slug if verdict else None


def _explained(
    slug: str, context: PortalContext, mailbox: str | None, translate: Translate, plain_text: str
) -> Diagnosis:
    slug = slug if slug in ENTRIES else UNKNOWN
    entry = ENTRIES[slug]
    if advice := find_advice(slug, plain_text):
        entry = advice.applied_to(entry)
    known = {"mailbox": mailbox, "client_id": context.client_id, "directory_id": context.directory_id}
    cloud = context.cloud
    values = {name: value or translate(PLACEHOLDERS[name]) for name, value in known.items()} | {
        "authority": cloud.authority,
        "graph": cloud.graph,
        "ews": cloud.ews,
        "smtp": cloud.smtp,
        "exchange_resource": cloud.exchange_resource,
        "graph_resource": cloud.graph_resource,
    }
    return Diagnosis(
        slug=slug,
        title=translate(entry.title) % values,
        explanation=translate(entry.explanation) % values,
        owner=entry.owner,
        fix=tuple(translate(step) % values for step in entry.fix),
        links=links(entry.pages, context, translate),
    )


def _cloud_of(plain_text: str) -> Cloud:
    """The cloud whose addresses the text contains; the worldwide one if none."""
    for slug in ("dod", "china", "gcc-high"):
        cloud = BUILTIN[slug]
        addresses = (cloud.graph, cloud.exchange_resource, cloud.smtp.partition(":")[0])
        if any(address.removeprefix("https://") in plain_text for address in addresses):
            return cloud
    if BUILTIN["china"].authority.removeprefix("https://") in plain_text:
        return BUILTIN["china"]
    if BUILTIN["gcc-high"].authority.removeprefix("https://") in plain_text:
        return BUILTIN["gcc-high"]
    return BUILTIN["global"]
