"""Passwords that guessers try first. Few of the usual list are long enough here, so long ones are taken apart."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator

DIGITS = "1234567890" * 8


class CommonPasswordCombinationValidator(CommonPasswordValidator):
    """Refuses a common password, one written several times over, one key held down, and digits in a row."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        typed = password.lower().strip()
        # Where a text is found again in itself doubled is where its shortest repeated piece ends.
        piece = typed[: (typed + typed).find(typed, 1)]
        if len(piece) == 1 or typed in DIGITS or typed in DIGITS[::-1]:
            piece = "password"
        if len(piece) < len(typed):
            super().validate(piece, user)
