"""A diagnosis as plain text for the responsible person: to paste into a mail or a ticket."""

from __future__ import annotations

from django.utils.translation import gettext as _

from mailer.diagnosis import Diagnosis


def as_message(diagnosis: Diagnosis, technical: str) -> str:
    """Render it in the active language."""
    parts = [diagnosis.title, diagnosis.explanation]
    if diagnosis.fix:
        steps = (f"{number}. {step}" for number, step in enumerate(diagnosis.fix, 1))
        parts.append("\n".join([_("What to do:"), *steps]))
    if diagnosis.links:
        parts.append("\n".join(f"{link.title}: {link.url}" for link in diagnosis.links))
    if technical:
        parts.append(_("Technical detail:") + f" {technical}")
    return "\n\n".join(parts)
