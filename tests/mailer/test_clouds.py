"""The built-in clouds. Source: Microsoft's pages on national clouds, cited by the module."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from mailer.clouds import BUILTIN, Cloud

EACH = pytest.mark.parametrize("cloud", BUILTIN.values(), ids=BUILTIN)


def test_four_microsoft_clouds_are_built_in() -> None:
    assert {slug: urlsplit(cloud.authority).hostname for slug, cloud in BUILTIN.items()} == {
        "global": "login.microsoftonline.com",
        "gcc-high": "login.microsoftonline.us",
        "dod": "login.microsoftonline.us",
        "china": "login.partner.microsoftonline.cn",
    }


@pytest.mark.control(43)
@EACH
def test_endpoints_of_built_in_clouds_use_tls_without_trailing_slash(cloud: Cloud) -> None:
    for url in (cloud.authority, cloud.graph, cloud.ews, cloud.exchange_resource, cloud.graph_resource, cloud.portal):
        assert url.startswith("https://")
        assert not url.endswith("/")
    host, _, port = cloud.smtp.partition(":")
    assert host
    assert port == "587"


@EACH
def test_a_scope_names_the_resource_of_its_own_cloud(cloud: Cloud) -> None:
    """Tokens of one cloud are worth nothing in another."""
    assert cloud.graph_scope == f"{cloud.graph}/.default"
    assert cloud.exchange_scope == f"https://{urlsplit(cloud.ews).hostname}/.default"


@EACH
def test_a_built_in_cloud_trusts_the_usual_authorities(cloud: Cloud) -> None:
    assert cloud.ca_file is None
