"""Each ALERTADMIN_ variable with bad values: the start is refused with a message, or the setting is ignored and
reported, and the rest of the program works."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from alertadmin.environment import BadEnvironment, Environment
from alertadmin.monitoring import worker_heartbeat
from alertadmin.monitoring.setting_checks import bad_settings
from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import Delivery
from alertadmin.paths import PROJECT
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW, set_environment
from tests.factories import Rows
from tests.outbox.factories import arrived

REFUSED: list[tuple[str, str, str]] = [
    *(("REDIS_URL", bad, "redis_url") for bad in ("nonsense", "amqp://h", "redis://", "redis://h:port", "redis://h:0")),
    *(("PUBLIC_URL", bad, "public_url") for bad in ("alerts.example.com", "ftp://h", "https://", "https://h:x")),
    *(("BIND", bad, "bind") for bad in ("8000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":8000")),
    *(("PROXIES", bad, "proxies") for bad in ("one", "-1", "10", "٣")),
    *(("LANGUAGE", bad, "language") for bad in ("de", "EN", "français")),
    *(("LEASE_SECONDS", bad, "lease") for bad in ("soon", "0", "-5", "86400", "nan")),
    *(("INSIDE_TARGETS", bad, "inside_targets") for bad in ("everything", "10.0.0.0/99", "10.0.0.1:port")),
    *(("GROUP_ROLES_HOURS", bad, "group_roles_last") for bad in ("0", "169", "ever", "1.5")),
    *(("TESTS_PER_HOUR", bad, "tests_per_hour") for bad in ("many", "0", "10001", "1.5")),
    *(("KEEP_WORDS_DAYS", bad, "keep_words") for bad in ("30", "ever", "-1", "36501")),
    *(("KEEP_DELIVERIES_DAYS", bad, "keep_deliveries") for bad in ("30", "ever")),
    *(("KEEP_AUDIT_DAYS", bad, "keep_audit") for bad in ("30", "ever")),
    *(("PING_URL", bad, "ping_url") for bad in ("hc-ping.com/x", "ftp://h/x", "https://", "https://h/a b")),
    *(("LOG_LEVEL", bad, "log_level") for bad in ("LOUD", "7")),
    *(("LOG_FORMAT", bad, "log_format") for bad in ("xml",)),
    *(("KEYS", bad, "keys") for bad in ("k1:short", "vault+https://")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "read"), REFUSED)
def test_what_is_read_at_the_start_refuses_it_and_names_the_variable(name: str, value: str, read: str) -> None:
    with pytest.raises(BadEnvironment, match=f"^ALERTADMIN_{name} "):
        getattr(Environment(PROJECT, {f"ALERTADMIN_{name}": value}), read)


SET_ASIDE: list[tuple[str, str]] = [
    *(("SMTP_URL", bad) for bad in ("smpt://relay", "smtp://relay:port", "relay.example", "smtp://", "smtp://[::1")),
    *(("SMTP_FROM", bad) for bad in ("alerts", "a b@c.example", "a@b.example\nBcc: c@d.example", "X500:/o=B")),
    *(("CLOUDS_FILE", bad) for bad in ("/no/such/file.toml", "/", "[lab\n", '[lab]\nlabel = "Lab"\n')),
    *(("SIGN_IN_FILE", bad) for bad in ("/no/such/file.toml", "[x\n", "[x]\n")),
]


FIRST = dict(reversed(SET_ASIDE))
PAGES = ("/", "/watching/", "/tenants/", "/mailboxes/", "/secrets/", "/sign-in/")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "value"), SET_ASIDE)
def test_invalid_setting_is_ignored_and_reported(
    settings: Settings, signed_in: Client, tmp_path: Path, relay: Sandbox, name: str, value: str
) -> None:
    """Reminders use the remaining route, the relay; if the relay is misconfigured, they wait."""
    given = value
    if name.endswith("_FILE") and not value.startswith("/"):
        file = tmp_path / "file.toml"
        file.write_text(value)
        value = str(file)
    rows = Rows(NOW)
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=5)
    set_environment(settings, **{name: value})
    assert {bad.name for bad in bad_settings()} == {f"ALERTADMIN_{name}"}
    scanner.run(NOW)
    worker_heartbeat.beat()  # so that a page need not look at everything
    for page in PAGES if given == FIRST[name] else ():  # once for each variable
        answer = signed_in.get(page, follow=True)
        assert answer.status_code == 200, page
    assert f"ALERTADMIN_{name} was ignored" in signed_in.get("/watching/").content.decode()
    told = signed_in.get("/readyz").json()
    assert told["settings"] is False
    delivery = Delivery.objects.get(recipient="duty@northpark.example")
    worker.deliver_due(clock=lambda: NOW)
    delivery.refresh_from_db()
    assert delivery.state == ("pending" if name == "SMTP_URL" else "sent")
    assert len(arrived(relay, delivery)) == (name != "SMTP_URL")


@pytest.mark.parametrize("name", ["SMTP_URL", "REDIS_URL", "PING_URL", "KEYS", "DATABASE_URL"])
def test_no_sentence_repeats_a_secret(settings: Settings, name: str) -> None:
    value = "nonsense://user:canary-password@h:port/canary-token"
    set_environment(settings, **{name: value})
    said = [str(bad) for bad in bad_settings()] + [connections.relay_error()]
    for read in ("redis_url", "ping_url", "keys"):
        try:
            getattr(settings.ENVIRONMENT, read)
        except BadEnvironment as error:
            said.append(str(error))
    assert "canary" not in " ".join(said)


def test_what_is_well_written_is_no_mistake(settings: Settings, db: None, relay: Sandbox) -> None:
    set_environment(settings, SMTP_FROM="alerts@northpark.example")
    assert bad_settings() == []
    for url in (
        "redis://:p@h:6379/0",
        "rediss://h",
        "redis+socket:///run/valkey.sock",
        "sentinel://a:1;sentinel://b:2",
    ):
        assert Environment(PROJECT, {"ALERTADMIN_REDIS_URL": url}).redis_url == url
