"""Reasons for a refused start. Each message is one sentence for the user who ran the command."""

from __future__ import annotations


class NotStarted(Exception):
    """No process was started; the message says why and what to do."""

    exit_code = 1


class NotPrepared(NotStarted):
    """The data folder or the database cannot be prepared."""


class PortOccupied(NotStarted):
    """Another process uses the data folder or the port."""

    exit_code = 2
