"""The directory of a domain according to the discovery document, and directories of another cloud."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from mailer.clouds import BUILTIN, Cloud
from mailer.errors import SendError
from mailer.tenant_discovery import find
from sandbox import Sandbox
from tests.mailer.conftest import discovery
from tests.mailer.https_server import HttpsServer, reply


def at(url: str, ca_file: str, slug: str) -> Cloud:
    """One of Microsoft's clouds, with its authority on this machine."""
    return replace(BUILTIN[slug], authority=url, ca_file=ca_file)


@pytest.mark.parametrize(
    ("really", "asked", "elsewhere"),
    [
        ("", "global", ""),
        ("gcc", "global", ""),
        ("gcc-high", "global", "gcc-high"),
        ("dod", "global", "dod"),
        ("china", "global", "china"),
        ("gcc-high", "gcc-high", ""),
        ("dod", "gcc-high", "dod"),
        ("gcc-high", "dod", "gcc-high"),
        ("dod", "dod", ""),
        ("", "gcc-high", "global"),
        ("gcc", "gcc-high", "global"),
        ("china", "china", ""),
        ("", "china", "global"),
        ("china", "dod", "china"),
    ],
)
def test_document_names_the_directorys_cloud(sandbox: Sandbox, really: str, asked: str, elsewhere: str) -> None:
    tenant = sandbox.directory.add_tenant("Northpark", f"{uuid4().hex[:8]}.example", national_cloud=really)
    found = find(tenant.domain, at(sandbox.url, str(sandbox.ca_file), asked))
    assert (found.directory_id, found.cloud) == (tenant.directory_id, elsewhere)


def test_operators_cloud_is_not_compared(sandbox: Sandbox) -> None:
    tenant = sandbox.directory.add_tenant("Northpark", f"{uuid4().hex[:8]}.example", national_cloud="china")
    found = find(tenant.domain, replace(at(sandbox.url, str(sandbox.ca_file), "global"), slug="lab"))
    assert found.cloud == ""


@pytest.mark.parametrize("host", ["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"])
def test_cloud_is_read_from_the_token_endpoint(other: HttpsServer, host: str) -> None:
    document = discovery(other, token_endpoint=f"https://{host}/northpark.example/oauth2/v2.0/token")
    other.routes["openid-configuration"] = reply(200, document)
    assert find("northpark.example", at(other.url, other.ca_file, "global")).cloud == "china"
    assert find("northpark.example", at(other.url, other.ca_file, "china")).cloud == ""


@pytest.mark.parametrize("asked", ["gcc-high", "dod"])
def test_shared_authority_accepts_the_chosen_cloud(other: HttpsServer, asked: str) -> None:
    """Where nothing tells them apart, the one that was chosen is believed."""
    other.routes["openid-configuration"] = reply(200, discovery(other, cloud_instance_name="microsoftonline.us"))
    assert find("northpark.example", at(other.url, other.ca_file, asked)).cloud == ""


def test_unregistered_domain_is_unknown(sandbox: Sandbox) -> None:
    with pytest.raises(SendError) as caught:
        find("unregistered.example", at(sandbox.url, str(sandbox.ca_file), "china"))
    assert caught.value.cause == "tenant_not_found"
