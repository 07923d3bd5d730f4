"""Names in mails stay recognisable and contain nothing that a mail program turns into a link."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.registry.safe_names import clean

LINK = re.compile(r"[^\W_]\.[^\W\d_]|://|@|\\|[^\d.]*\d+\.\d+\.\d+\.\d+|:\w", re.UNICODE)
"""A dot between a letter or digit and a letter, a scheme, an address, a share, a host in numbers."""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("SCADA_Prod / ALERT 4.5", "SCADA_Prod ALERT 4.5"),
        ("Alarm-Mailer [test] (v2.1)", "Alarm-Mailer test (v2.1)"),
        ("Müller & Söhne, Werk 3.", "Müller & Söhne, Werk 3."),
        ("pay now: evil.example/a", "pay now evil example a"),
        ("evil.example", "evil example"),
        ("1.2.3.4", "1 2 3 4"),
        ("4.5.com", "4 5 com"),
        ("ada@evil.example", "ada evil example"),
        ("https://evil.example", "https evil example"),
        ("\u202eevil\r\nBcc: x", "evil Bcc x"),
        ("", "…"),
        ("///", "…"),
    ],
)
def test_name_is_shown_as_one_line_without_links(name: str, shown: str) -> None:
    assert clean(name) == shown


@given(st.text(alphabet=st.sampled_from("ab1.:/@\\_-[] \u3002\uff0e\u200b"), max_size=40))
def test_cleaned_name_never_contains_a_link(name: str) -> None:
    assert not LINK.search(clean(name))
