"""docs/configuration.md and README name every declared setting and no other, with its default."""

from __future__ import annotations

import re
from functools import cached_property

from alertadmin.environment import Environment
from alertadmin.paths import PROJECT
from alertadmin.setting_table import BY_NAME, NAMES, SETTINGS, Kind

CONFIGURATION = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
DOCUMENTED = {f"ALERTADMIN_{name}" for name in NAMES if name not in BY_NAME or BY_NAME[name].is_documented}


def named_in(text: str) -> set[str]:
    return {found for found in re.findall(r"ALERTADMIN_[A-Z_]+[A-Z]", text) if not text.endswith(f"{found}_")}


def test_configuration_describes_every_setting_and_no_other() -> None:
    assert named_in(CONFIGURATION) == DOCUMENTED


def test_readme_names_every_setting_and_no_other() -> None:
    of_readme = named_in((PROJECT / "README.md").read_text(encoding="utf-8"))
    assert of_readme == {f"ALERTADMIN_{setting.name}" for setting in SETTINGS if setting.is_documented}


def test_numbers_and_choices_have_the_documented_default() -> None:
    for setting in SETTINGS:
        if setting.is_documented and setting.kind in (Kind.NUMBER, Kind.CHOICE, Kind.SWITCH, Kind.ADDRESS):
            row = next(line for line in CONFIGURATION.splitlines() if line.startswith(f"| `ALERTADMIN_{setting.name}`"))
            assert setting.default.split()[0] in row.split("|")[2], setting.name


def test_every_rule_is_one_of_the_environment_and_its_default_is_valid() -> None:
    for setting in SETTINGS:
        assert not setting.rule or isinstance(getattr(Environment, setting.rule), property | cached_property)
    Environment(PROJECT, {}).check()
