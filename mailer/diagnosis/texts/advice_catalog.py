"""All advice, in the order in which it is tried."""

from __future__ import annotations

from mailer.diagnosis.texts.advice import Advice
from mailer.diagnosis.texts.advice_delivery import DELIVERY_ADVICE
from mailer.diagnosis.texts.advice_sign_in import SIGN_IN_ADVICE

ALL_ADVICE: tuple[Advice, ...] = SIGN_IN_ADVICE + DELIVERY_ADVICE


def find_advice(slug: str, plain_text: str) -> Advice | None:
    """The advice for the kind of the cause that a normalized text shows; None if the cause's own texts fit."""
    return next((advice for advice in ALL_ADVICE if advice.fits(slug, plain_text)), None)
