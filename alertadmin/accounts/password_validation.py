"""Reject passwords that are a common password repeated. Few entries of the usual list reach this minimum length."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator

DIGITS = "1234567890" * 8


class CommonPasswordCombinationValidator(CommonPasswordValidator):
    """Refuse a common password, a repetition of one, a single repeated character, and sequential digits."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        typed = password.lower().strip()
        # The second occurrence of a text in its own doubling marks the end of its shortest repeated unit.
        piece = typed[: (typed + typed).find(typed, 1)]
        if len(piece) == 1 or typed in DIGITS or typed in DIGITS[::-1]:
            piece = "password"
        if len(piece) < len(typed):
            super().validate(piece, user)
