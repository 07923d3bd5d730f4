"""The edges: cookies and headers behind TLS, forged hosts, large bodies, unknown paths, log lines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts import throttling
from alertadmin.accounts.models import User
from alertadmin.middleware import MAX_UPLOAD, EdgesMiddleware
from alertadmin.operator_log.configuration import logging_settings
from alertadmin.registry.models import Mailbox, Tenant
from tests.conftest import PASSWORD, set_environment
from tests.dashboard.url_inventory import address, addresses
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.supervisor.installation import PROJECT, clean_environ

COMMON = sorted(password for password in CommonPasswordValidator().passwords if len(password) > 11)[:3]
LOGGING: Any = configured.LOGGING
BEHIND_TLS = "https://alerts.northpark.example"
AS_IN_PRODUCTION = """
import json, sys
from django.conf import settings
import django
django.setup()
from django.core.management import call_command
call_command("check", deploy=True, fail_level="WARNING", stdout=sys.stderr)
names = [name for name in dir(settings) if name.startswith(("SESSION_", "CSRF_", "SECURE_", "LANGUAGE_COOKIE"))]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The settings of an installation behind TLS; that there are any means that the deployment check is clean."""
    environ = clean_environ(
        tmp_path_factory.mktemp("production"),
        ALERTADMIN_PUBLIC_URL=BEHIND_TLS,
        DJANGO_SETTINGS_MODULE="alertadmin.settings",
    )
    command = [sys.executable, "-W", "ignore", "-c", AS_IN_PRODUCTION]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
def behind_tls(production: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in production.items():
        if name.startswith(("SESSION_COOKIE", "CSRF_COOKIE", "LANGUAGE_COOKIE", "SECURE_HSTS")):
            setattr(settings, name, value)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["alerts.northpark.example"]
    monkeypatch.setattr(throttling, "COOKIE", "__Host-browser")


@pytest.mark.control(36)
def test_the_deployment_check_is_clean_behind_tls(production: dict[str, Any]) -> None:
    assert production["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600


@pytest.mark.control(27)
@pytest.mark.django_db
def test_every_cookie_behind_tls_is_for_this_host_alone_and_for_no_script(
    behind_tls: None, administrator: User
) -> None:
    client = Client(headers={"host": "alerts.northpark.example", "x-forwarded-proto": "https"})
    seen: dict[str, Any] = {}
    for response in (
        client.get(reverse("sign-in")),
        client.post(reverse("sign-in"), {"username": administrator.email, "password": PASSWORD}),
        client.post(reverse("set_language"), {"language": "fr"}),
    ):
        assert response.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        seen |= response.cookies
    assert {"__Host-session", "__Host-csrf", "__Host-browser", "__Host-language"} == set(seen)
    for name, cookie in seen.items():
        assert cookie["secure"], name
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert (cookie["path"], cookie["domain"]) == ("/", ""), name


@pytest.mark.control(36)
def test_every_answer_forbids_what_no_page_needs(client: Client, db: None) -> None:
    for path in ("/sign-in/", "/nowhere/", "/healthz"):
        headers = client.get(path).headers
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["X-Permitted-Cross-Domain-Policies"] == "none"


FORGED = {
    "x-forwarded-host": "evil.example",
    "x-forwarded-server": "evil.example",
    "x-original-url": "https://evil.example/",
    "forwarded": "host=evil.example;proto=https",
    "x-forwarded-prefix": "//evil.example",
    "referer": "https://evil.example/",
    "origin": "https://evil.example",
}


@pytest.mark.control(38)
def test_no_page_links_to_a_host_that_the_request_forged(client: Client, administrator: User, rows: Rows) -> None:
    signed_in = signed_in_at(client, administrator)
    rows.credential()
    for name in addresses():
        response = signed_in.get(address(name, {}), headers=FORGED)
        told = response.getvalue() + str(dict(response.headers)).encode()
        assert b"evil.example" not in told, name


@pytest.mark.control(38)
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "localhost\t"])
def test_a_host_that_is_not_ours_is_refused(client: Client, db: None, host: str) -> None:
    assert client.get("/sign-in/", headers={"host": host}).status_code == 400


@pytest.mark.control(55)
@pytest.mark.parametrize(
    ("kind", "length"),
    [
        ("application/x-www-form-urlencoded", 2 * 1024 * 1024 + 1),
        ("multipart/form-data; boundary=x", MAX_UPLOAD + 1),
        ("application/json", 10**15),
    ],
)
def test_a_body_that_is_too_large_is_refused_in_words_before_it_is_read(
    client: Client, administrator: User, kind: str, length: int
) -> None:
    response = client.generic("POST", "/diagnosis/", b"", content_type=kind, CONTENT_LENGTH=str(length))
    assert response.status_code == 413
    assert "too large and was not read" in response.content.decode()


@pytest.mark.control(66)
@pytest.mark.parametrize(
    "path",
    [
        "/.git/HEAD",
        "/.env",
        "/manage.py",
        "/alertadmin.sqlite3",
        "/keys.json",
        "/media/",
        "/static/",
        configured.STATIC_URL,
        f"{configured.STATIC_URL}alertadmin/",
        f"{configured.STATIC_URL}../../manage.py",
        f"{configured.STATIC_URL}%2e%2e/%2e%2e/manage.py",
        f"{configured.STATIC_URL}alertadmin/..%2f..%2f..%2fkeys.json",
    ],
)
def test_nothing_but_static_files_is_served_and_no_folder_listed(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    response.close()
    # Every other URL is a page, which redirects to the sign-in page, or unknown.
    assert response.status_code in (302, 404)
    assert response.headers.get("Location", "/sign-in/").startswith("/sign-in/")


@pytest.mark.control(54)
@pytest.mark.parametrize(("name", "formatter"), [("text", "TextFormatter"), ("json", "JsonFormatter")])
def test_that_is_how_the_program_logs(name: str, formatter: str) -> None:
    """What these formatters do is shown in tests/operator_log."""
    made = logging_settings("INFO", name)
    assert made["formatters"]["line"]["()"].__name__ == formatter
    assert {handler["formatter"] for handler in made["handlers"].values()} == {"line"}
    assert configured.LOGGING.keys() == made.keys()


@pytest.mark.control(18)
@pytest.mark.parametrize(
    "password", ["correct horse", "Ωμέγα ψυχή ἄλφα", "p" * 8 + " \t\n!" + "q" * 200, "🂡🂢🂣🂤🂥🂦🂧🂨🂩🂪🂫🂭"]
)
def test_a_long_password_of_any_characters_is_taken(password: str) -> None:
    validate_password(password)


@pytest.mark.control(18)
@pytest.mark.parametrize("password", ["elevenchars", "", *COMMON])
def test_a_short_or_common_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.control(19)
def test_passwords_are_kept_as_argon2id_alone(costly_passwords: None) -> None:
    assert configured.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")


@pytest.mark.control(14)
def test_the_settings_show_neither_keys_nor_passwords(settings: Settings) -> None:
    from django.views.debug import SafeExceptionReporterFilter

    set_environment(settings, KEYS="k1:canary-key", SMTP_URL="smtp://u:canary-password@h", SECRET_KEY="canary-secret")
    settings.SECRET_KEY = "canary-secret"
    shown = SafeExceptionReporterFilter().get_safe_settings()
    assert shown["SECRET_KEY"] == "********************"
    assert "canary" not in f"{settings.ENVIRONMENT!r} {settings.ENVIRONMENT} {shown}"


@pytest.mark.control(61)
@pytest.mark.django_db(transaction=True)
def test_what_was_deleted_while_somebody_acted_on_it_is_not_there_and_no_fault(client: Client, rows: Rows) -> None:
    """As when one deletes a tenant while another starts a test of its mailbox: wapiti does both at once."""
    app = rows.app()
    mailbox = Mailbox(tenant=app.tenant, app=app, address="a@x.example", transport="graph")
    Tenant.objects.filter(pk=app.tenant_id).delete()
    with pytest.raises(IntegrityError) as gone:
        mailbox.save()
    with pytest.raises(IntegrityError) as twice:
        Tenant.objects.bulk_create([rows.tenant()])
    edges = EdgesMiddleware(lambda _request: HttpResponse())
    answer = edges.process_exception(RequestFactory().post("/mailboxes/add/"), gone.value)
    assert answer is not None
    assert answer.status_code == 404
    assert edges.process_exception(RequestFactory().post("/"), twice.value) is None
