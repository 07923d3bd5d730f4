"""Why a start was refused: each is one plain sentence for whoever typed the command."""

from __future__ import annotations


class NotStarted(Exception):
    """Nothing was started; the text is a sentence that says why and what to do."""

    exit_code = 1


class NotPrepared(NotStarted):
    """The data folder or the database cannot be made ready."""


class PortOccupied(NotStarted):
    """Somebody else holds the data folder or the port."""

    exit_code = 2
