"""Settings in files: the data folder's `.env`, and secrets in files of their own (`ALERTADMIN_SMTP_URL_FILE`), as
Docker and systemd pass credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from alertadmin.setting_rules import PREFIX
from alertadmin.setting_table import READ_AT_USE, SETTINGS

LARGEST_SECRET = 65_536
"""Bytes."""
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def dotenv(path: Path) -> tuple[dict[str, str], list[str]]:
    """The values of `NAME=value` lines, and the mistakes in the file as sentences. `#` begins a comment line; quotes
    around a value are removed."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except (OSError, ValueError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
        return {}, [f"The settings in {path} cannot be read: {why}."]
    values, mistakes = {}, []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:  # not repeated: it may be a password
            mistakes.append(f"{path}, line {number}: write NAME=value, or # before a remark.")
            continue
        name, value = match[1], match[2].strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        values[name] = value
    return values, mistakes


def from_files(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values with those of secrets' files added, and the mistakes as sentences."""
    values, mistakes = dict(given), []
    for setting in SETTINGS:
        name, named = PREFIX + setting.name, PREFIX + setting.file_form
        file_name = given.get(named, "").strip() if setting.is_secret else ""
        if not file_name:
            continue
        if given.get(name, "").strip():
            mistakes.append(f"{name} and {named} are both set: leave one out.")
        elif setting.name not in READ_AT_USE:
            value, why = _secret_in(Path(file_name).expanduser())
            values[name] = value
            if why:
                mistakes.append(f"{named}: the file {file_name} {why}.")
    return values, mistakes


def _secret_in(path: Path) -> tuple[str, str]:
    """The one line in a file without its line break, or why there is none."""
    try:
        if path.is_dir():
            return "", "is a folder"
        with path.open("rb") as file:
            text = file.read(LARGEST_SECRET + 1).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return "", "is not text in UTF-8"
    except OSError as error:
        return "", f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
    if not text:
        return "", "is empty"
    if len(text.splitlines()) > 1 or "\0" in text or len(text) > LARGEST_SECRET:
        return "", "must have the value alone, on one line"
    return text, ""
