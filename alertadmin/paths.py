"""The program's own folders, in a checkout and in an environment where its wheel is installed."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent
"""The root of the checkout; of an installed wheel, `site-packages`."""
IS_INSTALLED = (PACKAGE / "templates").is_dir()
"""Whether this is an installed wheel: setup.py puts the folders of data into the package."""
ASSETS = PACKAGE if IS_INSTALLED else PROJECT
"""Contains templates/, static/ and locale/."""


def default_folder(name: str) -> Path:
    """A data folder for which no path is configured: in the checkout; of an installed wheel, in the current folder."""
    return (Path.cwd() if IS_INSTALLED else PROJECT) / name


def management_command(*words: str) -> list[str]:
    """The command line that runs a management command in a new process."""
    program = ["-m", "alertadmin"] if IS_INSTALLED else [str(PROJECT / "manage.py")]
    return [sys.executable, *program, *words]
