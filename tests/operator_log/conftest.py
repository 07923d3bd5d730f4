from __future__ import annotations

from tests.commands.backups import its_own_programs

__all__ = ["its_own_programs"]
