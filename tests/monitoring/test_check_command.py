"""`manage.py check` says what `up` and System health say of settings, and fails for each that is not in force."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django import Settings

from alertadmin.monitoring import setting_checks
from alertadmin.monitoring.notices import notices
from alertadmin.outbox.delivery import relay_sender
from tests.conftest import set_environment


@pytest.fixture(autouse=True)
def own_domain() -> Iterator[None]:
    yield
    relay_sender._own_domain.cache_clear()


ERRORS = [
    ({"SMPT_URL": "smtp://user:canary@relay.example"}, "did you mean ALERTADMIN_SMTP_URL?"),
    ({"SMTP_URL": "relay.example:25"}, "does not begin with smtp://"),
    ({"SMTP_URL": "smtp://a@x.example:canary#ss@relay.example:587"}, "write %23"),
    ({"SMTP_URL": "smtp://a@x.example:canary/ss@relay.example"}, "write %2F"),
    ({"SMTP_URL": "smtp://relay.example?cafile=/ca.pem"}, "an option other than ca_file"),
    ({"SMTP_FROM": "alerts"}, "name@example.com"),
    ({"CLOUDS_FILE": "/no/such.toml"}, "ALERTADMIN_CLOUDS_FILE"),
    ({"SIGN_IN_FILE": "/no/such.toml"}, "ALERTADMIN_SIGN_IN_FILE"),
    ({"KEYS_CA_FILE": "/no/such.pem"}, "/no/such.pem cannot be read: no such file"),
    ({"KEYS_CA_FILE": __file__}, "no certificate in PEM format"),
    ({"KEYS_TOKEN_FILE": "/"}, "/ is a folder"),
    ({"KEYS_FILE": "/tmp"}, "/tmp is a folder"),
    ({"HTTPS_PROXY": "https://u:canary@proxy.example", "HTTPS_PROXY_CA_FILE": "/dev/null"}, "is empty"),
    ({"TLS_CERTIFICATE": "/no/c.pem", "TLS_KEY": "/no/k.pem"}, "the file /no/c.pem cannot be read"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("deploy", [False, True])
@pytest.mark.parametrize(("values", "said"), ERRORS, ids=str)
def test_check_fails_for_a_setting_that_is_not_in_force(
    settings: Settings, values: dict[str, str], said: str, deploy: bool
) -> None:
    set_environment(settings, **values)
    with pytest.raises(SystemCheckError) as caught:
        call_command("check", deploy=deploy)
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)
    with_names = [str(bad) for bad in setting_checks.bad_settings()] + setting_checks.start_errors()
    assert any(said in line and "canary" not in line for line in with_names)


@pytest.mark.django_db
def test_check_warns_of_an_unknown_address_and_status_says_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], signed_in: Client
) -> None:
    set_environment(settings, BIND="0.0.0.0:8000", TLS_CERTIFICATE="", TLS_KEY="")
    call_command("check")
    assert "ALERTADMIN_ALLOWED_HOSTS" in capsys.readouterr().err
    assert "address_unknown" in [notice.code for notice in notices()]
    assert "ALERTADMIN_ALLOWED_HOSTS" in signed_in.get("/watching/").content.decode()
    set_environment(settings, PUBLIC_URL="https://alerts.example.com")
    assert "address_unknown" not in [notice.code for notice in notices()]


SENDERS = [
    ("smtp://relay.example", "http://localhost:8000", "plant.example", "alertadmin@plant.example"),
    ("smtp://relay.example", "https://alerts.plant.example", "x.example", "alertadmin@alerts.plant.example"),
    ("smtp://svc%40plant.example:pw@relay.example", "https://a.example", "", "svc@plant.example"),
    ("smtp://AKIA123:pw@relay.example", "https://a.plant.example", "", "alertadmin@a.plant.example"),
    # mikesplain/openvas-docker pull request 242, rockstor/rockstor-core pull request 972: names that relays refuse
    ("smtp://relay.example", "http://localhost:8000", "localdomain", ""),
    ("smtp://relay.example", "http://10.0.0.5:8000", "", ""),
    ("smtp://relay.example", "http://[2001:db8::1]:8000", "ec2.internal", ""),
    ("smtp://relay.example", "http://alerts:8000", "home.arpa", ""),
    ("smtp://relay.example", "http://alerts.fritz.box.local", "lan", ""),
    ("smtp://svc%40localhost:pw@relay.example", "http://localhost:8000", "corp", ""),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("relay", "public_url", "domain", "sender"), SENDERS)
def test_default_sender_is_one_that_relays_accept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, relay: str, public_url: str, domain: str, sender: str
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: f"host.{domain}")
    relay_sender._own_domain.cache_clear()
    set_environment(settings, SMTP_URL=relay)
    settings.PUBLIC_URL = public_url
    assert relay_sender.default() == sender
    assert ("sender_unknown" in [notice.code for notice in notices()]) == (not sender)
    set_environment(settings, SMTP_FROM="alerts@plant.example")
    assert not relay_sender.is_unknown()


def test_hosts_of_a_wildcard_address_are_those_that_are_allowed(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "BIND": "0.0.0.0:8000", "ALLOWED_HOSTS": "192.168.1.5 .plant.example fd00::5"}
    program = "import json; from alertadmin import settings; print(json.dumps(settings.ALLOWED_HOSTS))"
    environ = {**os.environ, **{f"ALERTADMIN_{name}": value for name, value in given.items()}}
    answer = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True, text=True)
    assert set(json.loads(answer.stdout)) == {
        "127.0.0.1", "[::1]", "localhost", "192.168.1.5", ".plant.example", "[fd00::5]"
    }  # fmt: skip


@pytest.mark.django_db
def test_a_proxy_of_the_operating_system_is_said_to_be_ignored(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {"https_proxy": "http://jdoe:canary@proxy.example:3128", "ALERTADMIN_BIND": "127.0.0.1:8000"}
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, values={**settings.ENVIRONMENT.values, **others})
    call_command("check")
    said = capsys.readouterr().err
    assert "https_proxy is set for this machine" in said
    assert "canary" not in said
    assert "proxy_ignored" in [notice.code for notice in notices()]
    for own in ({"HTTPS_PROXY": "http://proxy.example"}, {"HTTPS_PROXY": "", "NO_PROXY": "*"}):
        set_environment(settings, **own)
        settings.ENVIRONMENT.check()
        assert setting_checks.remarks() == []
