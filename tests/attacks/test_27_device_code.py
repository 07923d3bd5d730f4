"""27: the page links a device code only to the cloud's own login host, and the account that entered it must be the
mailbox's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailer import email_address
from mailer.clouds import BUILTIN
from mailer.device_code import is_login_page

LAB = replace(BUILTIN["global"], slug="lab", authority="https://login.lab.example:9443")
GLOBAL = "https://www.microsoft.com/link"


@pytest.mark.control(92)
@pytest.mark.parametrize(
    ("page", "of_microsoft", "of_lab"),
    [
        (GLOBAL, True, False),
        ("https://microsoft.com/devicelogin", True, False),
        ("https://login.microsoftonline.com/common/oauth2/deviceauth", True, False),
        ("https://login.lab.example:9443/link", False, True),
        ("https://login.lab.example/link", False, False),
        ("https://LOGIN.lab.example:9443/link", False, True),
        ("http://www.microsoft.com/link", False, False),
        ("https://www.microsoft.com.evil.example/link", False, False),
        ("https://www.microsoft.com@evil.example/link", False, False),
        ("https://evil.example@www.microsoft.com/link", False, False),
        ("https://evil.example\\@www.microsoft.com/", False, False),
        ("https://www.microsoft.com:8443/link", False, False),
        ("https://xn--www-microsoft.example/", False, False),
        ("javascript:alert(1)", False, False),
        ("//www.microsoft.com/link", False, False),
        ("https://[::1", False, False),
        ("https://www.microsoft.com:x/", False, False),
        ("", False, False),
    ],
)
def test_27_only_a_page_of_the_cloud_is_a_link(page: str, of_microsoft: bool, of_lab: bool) -> None:
    assert (is_login_page(BUILTIN["global"], page), is_login_page(LAB, page)) == (of_microsoft, of_lab)


@pytest.mark.parametrize(
    ("account", "is_own"),
    [
        ("alarms@outlook.example", True),
        ("Alarms@Outlook.Example", True),
        ("alarms@outlook.example.evil.example", False),
        ("alarms@outlo\u043ek.example", False),
        ("", False),
        ("alarms", False),
        ("alarms@outlook.example,other@evil.example", False),
    ],
)
def test_27_the_account_that_entered_the_code_is_the_mailbox_s(account: str, is_own: bool) -> None:
    assert email_address.is_same(account, "alarms@outlook.example") == is_own
