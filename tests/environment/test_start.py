"""Every setting is judged at the start: a mistake is refused with a sentence that says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertadmin import environment
from alertadmin.environment import BadEnvironment, Environment
from alertadmin.paths import PROJECT
from alertadmin.setting_table import SETTINGS, unknown_name

CANARY = "canary-of-a-password"
SECRETS = [setting.name for setting in SETTINGS if setting.is_secret and setting.rule]


def judged(**values: str) -> Environment:
    given = Environment(PROJECT, {f"ALERTADMIN_{name}": value for name, value in values.items()})
    given.check()
    return given


REFUSED: list[tuple[dict[str, str], str]] = [
    # Mailtrain-org/mailtrain issue 696, FreedomCoop/valuenetwork issue 15: half of the links lack the path
    ({"PUBLIC_URL": "https://host.example/alertadmin"}, "needs a host name of its own"),
    ({"PUBLIC_URL": "https://host.example/alertadmin/"}, "needs a host name of its own"),
    # topicquests/tqks-featherweight-prototype issue 74
    ({"PUBLIC_URL": "http://localhost:8080/index.html#"}, "goes on with ? or #"),
    ({"PUBLIC_URL": "https://host.example/?a=b"}, "goes on with ? or #"),
    ({"PUBLIC_URL": "https://host.example/#"}, "goes on with ? or #"),
    ({"PUBLIC_URL": "https://user@host.example"}, "a user name"),
    ({"PUBLIC_URL": "host.example"}, "does not begin with https://"),
    ({"PUBLIC_URL": "https//host.example"}, "does not begin with https://"),
    ({"PUBLIC_URL": "https://2001:db8::1"}, "write [2001:db8::1]"),
    ({"PUBLIC_URL": "https://a.example,https://b.example"}, "a host name that there cannot be"),
    ({"PUBLIC_URL": "https://a.example https://b.example"}, "a space"),
    ({"PUBLIC_URL": "https://host.example:https"}, "port"),
    # cerebro issue 441, Threadfin issue 33: Kubernetes' PORT is an address
    ({"BIND": "tcp://172.31.14.133:9000"}, "address:port"),
    ({"BIND": "http://0.0.0.0:8000"}, "address:port"),
    ({"BIND": "0.0.0.0:70000"}, "address:port"),
    ({"BIND": "[::]"}, "address:port"),
    ({"BIND": "*:8000"}, "address:port"),
    # linuxserver/docker-healthchecks issue 78
    ({"ALLOWED_HOSTS": '["healthchecks.example.com","healthchecks.example.xyz"]'}, "without scheme and port"),
    ({"ALLOWED_HOSTS": "https://a.example"}, "without scheme and port"),
    ({"ALLOWED_HOSTS": "a.example:8000"}, "without scheme and port"),
    ({"ALLOWED_HOSTS": "*"}, "any web site's name"),
    # joke2k/django-environ issue 55
    ({"DATABASE_URL": "postgres://user:weg#auwhgeuioweg@db.example:5432/name"}, "write %23"),
    ({"DATABASE_URL": "postgres://user:foo?bar@db.example/name"}, "write %3F"),
    ({"DATABASE_URL": "postgres://user:secret@db.example:5432"}, "names no database"),
    ({"DATABASE_URL": "postgres://user:secret@db.example:99999/name"}, "a port"),
    ({"DATABASE_URL": "mysql://user:secret@db.example/name"}, "begins with mysql://"),
    ({"DATABASE_URL": "jdbc:postgresql://db.example/name"}, "does not begin with"),
    ({"DATABASE_URL": "host=db.example dbname=name"}, "a space"),
    ({"DATABASE_URL": "sqlite://"}, "names no file"),
    ({"REDIS_URL": "redis.example:6379"}, "does not begin with"),
    ({"REDIS_URL": "redis://:pa#ss@redis.example:6379/0"}, "write %23"),
    ({"REDIS_URL": "redis://redis.example:6379/alerts"}, "number of a database"),
    ({"REDIS_URL": "tcp://redis.example:6379"}, "begins with tcp://"),
    ({"REDIS_URL": "unix:///run/valkey.sock"}, "begins with unix://"),
    ({"DEBUG": "perhaps"}, "must be 1 or 0"),
    ({"PROXIES": "1.0"}, "number of proxies"),
    ({"LANGUAGE": "fr-FR"}, "one of en, fr"),
    ({"KEEP_AUDIT_DAYS": "2 years"}, "number of days"),
    ({"TESTS_PER_HOUR": "99999999999999999999"}, "number of tests"),
    ({"LEASE_SECONDS": "1m"}, "number of seconds"),
    ({"SECRET_KEY": "short"}, "16 characters"),
    # Contradictory pairs
    ({"TLS_CERTIFICATE": "/c.pem"}, "ALERTADMIN_TLS_KEY must name a PEM file too"),
    ({"TLS_CERTIFICATE": "/c.pem", "TLS_KEY": "/k.pem", "PUBLIC_URL": "http://h.example"}, "must begin with https://"),
    ({"NO_PROXY": "localhost"}, "ALERTADMIN_HTTPS_PROXY is not"),
    ({"HTTPS_PROXY_CA_FILE": "/ca.pem"}, "ALERTADMIN_HTTPS_PROXY is not"),
    ({"HTTPS_PROXY": "http://proxy.example", "HTTPS_PROXY_CA_FILE": "/ca.pem"}, "begins with https://"),
    ({"HTTPS_PROXY": "proxy.example:3128"}, "does not begin with http://"),
    ({"HTTPS_PROXY": "socks5://proxy.example:1080"}, "begins with socks5://"),
    # dotnet/runtime issue 114066 has a domain's user; a backslash is sent as it is, a / is not
    ({"HTTPS_PROXY": "http://CORP/jdoe:pw@proxy.example:8080"}, "write %2F"),
    ({"HTTPS_PROXY": "http://jdoe:p#w@proxy.example:8080"}, "write %23"),
    ({"HTTPS_PROXY": "http://proxy.example:3128/proxy.pac"}, "goes on after the host"),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "https://localhost"}, '"https://localhost" is none'),
    ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.0.0.0/99"}, '"10.0.0.0/99" is none'),
]  # fmt: skip


@pytest.mark.parametrize(("values", "mending"), REFUSED, ids=str)
def test_a_mistake_refuses_the_start(values: dict[str, str], mending: str) -> None:
    with pytest.raises(BadEnvironment) as caught:
        judged(**values)
    said = str(caught.value)
    assert mending in said
    assert any(f"ALERTADMIN_{name} " in said for name in values)
    assert "\n" not in said


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "form", ["{0}", "x://u:{0}@h:y", "http://u:{0}#@h", "http://u:%{0}@h", "http://u@h:{0}/?{0}={0}"]
)
def test_no_refusal_repeats_a_secret(name: str, form: str) -> None:
    value = form.format(CANARY)
    said = ""
    try:
        judged(**{name: value})
    except BadEnvironment as error:
        said = str(error)
    assert CANARY not in said


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(BadEnvironment) as caught:
        judged(BIND="8000", LANGUAGE="de", KEEP_WORDS_DAYS="1")
    assert [line.split()[0] for line in str(caught.value).splitlines()] == [
        "ALERTADMIN_BIND",
        "ALERTADMIN_KEEP_WORDS_DAYS",
        "ALERTADMIN_LANGUAGE",
    ]


ACCEPTED: list[tuple[dict[str, str], str, object]] = [
    ({"PUBLIC_URL": "https://Alerts.Example.com/"}, "public_url", "https://alerts.example.com"),
    ({"PUBLIC_URL": "https://alerts.example.com.:443"}, "public_url", "https://alerts.example.com"),
    ({"PUBLIC_URL": "http://[2001:DB8::1]:8000"}, "public_url", "http://[2001:db8::1]:8000"),
    ({"PUBLIC_URL": "https://alärte.example"}, "public_url", "https://xn--alrte-hra.example"),
    # docker/docs issue 123, cal-itp/benefits pull request 100: `docker run --env-file` keeps quotes
    ({"PUBLIC_URL": '"https://alerts.example.com"'}, "public_url", "https://alerts.example.com"),
    ({"BIND": "'0.0.0.0:8000'"}, "bind", ("0.0.0.0", 8000)),
    # jef/streetmerchant issue 1059: blanks of an example file
    ({"BIND": ""}, "bind", ("127.0.0.1", 8000)),
    ({"LANGUAGE": "  "}, "language", "en"),
    ({"BIND": ":::8000"}, "bind", ("::", 8000)),
    ({"BIND": "[::1]:8000"}, "bind", ("::1", 8000)),
    ({"DEBUG": "True"}, "debug", True),
    ({"DEBUG": "off"}, "debug", False),
    # Bitergia/prosoul issue 86: divided by spaces
    ({"ALLOWED_HOSTS": "prosoul, 172.17.0.1 .plant.example fd00::5"}, "allowed_hosts",
     ["prosoul", "172.17.0.1", ".plant.example", "[fd00::5]"]),
    ({"DATABASE_URL": "postgres://%2Fvar%2Frun%2Fpostgresql/name"}, "database_url",
     "postgres://%2Fvar%2Frun%2Fpostgresql/name"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "read", "expected"), ACCEPTED, ids=str)
def test_what_has_one_meaning_is_read(values: dict[str, str], read: str, expected: object) -> None:
    assert getattr(judged(**values), read) == expected


UNKNOWN = [
    ("SMPT_URL", "ALERTADMIN_SMTP_URL"),
    ("SMTP_FORM", "ALERTADMIN_SMTP_FROM"),
    ("PUBLIC_URI", "ALERTADMIN_PUBLIC_URL"),
    ("HTTP_PROXY", "ALERTADMIN_HTTPS_PROXY"),
    ("ALLOWED_HOST", "ALERTADMIN_ALLOWED_HOSTS"),
    ("DATABASEURL", "ALERTADMIN_DATABASE_URL"),
    ("bind", "ALERTADMIN_BIND"),
    ("LOGLEVEL", "ALERTADMIN_LOG_LEVEL"),
    ("SECRETKEY_FILE", "ALERTADMIN_SECRET_KEY_FILE"),
    ("TLS_CERT", "ALERTADMIN_TLS_CERTIFICATE"),
    ("ZZZ", ""),
]


@pytest.mark.parametrize(("name", "near"), UNKNOWN)
def test_an_unknown_name_is_said_with_the_nearest_one(name: str, near: str) -> None:
    said = unknown_name(f"ALERTADMIN_{name}")
    assert said.startswith("no setting has this name")
    assert near in said


# jdblack in Dispatcharr pull request 760, gomods/athens issue 1038
KUBERNETES = [
    "PORT_80_TCP",
    "SERVICE_PORT_HTTP",
    "PORT_80_TCP_ADDR",
    "SERVICE_PORT",
    "SERVICE_HOST",
    "PORT_80_TCP_PROTO",
    "PORT",
    "PORT_80_TCP_PORT",
    "WEB_SERVICE_HOST",
    "WEB_PORT_8000_TCP",
]


@pytest.mark.parametrize("name", KUBERNETES)
def test_names_that_kubernetes_sets_are_not_ours(name: str) -> None:
    assert unknown_name(f"ALERTADMIN_{name}") == ""


def test_links_of_commands_lead_where_up_was_reached(tmp_path: Path) -> None:
    """`./run --port 8080` sets no variable that cron would see."""

    def url(**given: str) -> str:
        return environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path), **given}).public_url

    assert url() == "http://localhost:8000"
    assert environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path)}).is_address_unknown
    (tmp_path / "up.lock").write_text('{"pid": 1, "url": "http://alerts.plant.example:8080"}')
    assert url() == "http://alerts.plant.example:8080"
    assert not environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path)}).is_address_unknown
    (tmp_path / "up.lock").write_text('{"pid": 1, "url": "http://localhost:8080", "is_address_unknown": true}')
    assert environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path)}).is_address_unknown
    assert url(ALERTADMIN_BIND="127.0.0.1:9000") == "http://localhost:9000"
    started = environment.read({"ALERTADMIN_DATA_DIR": str(tmp_path)}).of_web_server()
    assert (started.public_url, started.is_address_unknown) == ("http://localhost:8000", False)
    assert url(ALERTADMIN_PUBLIC_URL="https://a.example") == "https://a.example"
    for damaged in ("", "{", "[]", '{"url": "x"}', '{"url": null}', "\0"):
        (tmp_path / "up.lock").write_text(damaged)
        assert url() == "http://localhost:8000"


def test_every_address_without_a_public_url_is_said() -> None:
    assert judged(BIND="0.0.0.0:8000").is_address_unknown
    assert judged(BIND="[::]:8000").is_address_unknown
    assert not judged(BIND="0.0.0.0:8000", PUBLIC_URL="https://a.example").is_address_unknown
    assert not judged(BIND="127.0.0.1:8000").is_address_unknown
    assert judged(BIND="0.0.0.0:8000", ALLOWED_HOSTS=".plant.example").is_address_unknown
    named = judged(BIND="0.0.0.0:8000", ALLOWED_HOSTS=".plant.example, alerts.plant.example, 10.0.0.5")
    assert (named.is_address_unknown, named.public_url) == (False, "http://alerts.plant.example:8000")
    assert judged(BIND="[::]:8000", ALLOWED_HOSTS="fd00::5").public_url == "http://[fd00::5]:8000"
