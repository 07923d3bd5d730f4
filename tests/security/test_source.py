"""Rules that the source itself keeps, read as a tree: each is shown what it must catch, then all of the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.security.controls import PROJECT

Rule = Callable[[ast.AST], bool]

PROGRAM = [
    path
    for folder in ("alertadmin", "mailer")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
WORDED_SQL = {
    "alertadmin/audit/retention.py",
    "alertadmin/audit/postgres_role.py",
    "alertadmin/audit/triggers.py",
    "alertadmin/backup/database_copy.py",
    # Rows of a backup: names of our own tables, quoted; PRAGMA and COPY take no parameters.
    "alertadmin/backup/postgresql_rows.py",
    "alertadmin/backup/schema_rebuild.py",
    "alertadmin/backup/sqlite_rows.py",
    "alertadmin/crypto/key_usage.py",
    "alertadmin/reminders/scan/insert_select.py",
}
"""Their statements hold names of tables and schemas of our own, which no parameter can stand for, and nothing else."""


HTTP_CLIENTS = {
    "mailer/http/http_session.py",  # the one
    "mailer/http/deadline_sockets.py",
    "mailer/transports/smtp_session.py",  # smtplib's protocol, over mailer.sockets
    "alertadmin/supervisor/ports.py",  # asks this machine's own web server whether it is there
    "alertadmin/crypto/providers/azure_key_vault.py",  # Azure's own, to the address in the operator's environment
    "alertadmin/crypto/providers/vault_transit.py",  # hvac, over a session of mailer.https
}
"""Where servers are asked; everything else goes through these."""


@cache
def called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def keywords(node: ast.AST) -> dict[str | None, str]:
    return {one.arg: ast.unparse(one.value) for one in node.keywords} if isinstance(node, ast.Call) else {}


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {one.name for one in node.names}
    return {f"{node.module}.{one.name}" for one in node.names} if isinstance(node, ast.ImportFrom) else set()


def unverified(node: ast.AST) -> bool:
    return keywords(node).get("verify") == "False" or "_create_unverified_context" in called(node)


def a_shell(node: ast.AST) -> bool:
    return keywords(node).get("shell") == "True" or called(node) in ("os.system", "os.popen")


def code_from_data(node: ast.AST) -> bool:
    taken = any(name.split(".")[0] in ("pickle", "marshal", "shelve", "dill", "yaml") for name in imported(node))
    return taken or called(node) in ("eval", "exec", "Template", "engines.from_string")


def marked_as_safe(node: ast.AST) -> bool:
    return called(node).rpartition(".")[2] in ("mark_safe", "SafeString", "SafeText") or any(
        name.endswith((".mark_safe", ".SafeString")) for name in imported(node)
    )


def worded_sql(node: ast.AST) -> bool:
    """A statement that is put together, and what takes pieces of SQL."""
    name = called(node).rpartition(".")[2]
    if name in ("RawSQL", "raw", "extra"):
        return True
    return name in ("execute", "executemany") and not (
        isinstance(node, ast.Call) and isinstance(node.args[0], ast.Constant)
    )


CLIENTS = {"aiohttp", "azure", "ftplib", "httplib2", "httpx", "hvac", "pycurl", "smtplib", "telnetlib", "urllib3"}
CLIENT_PARTS = {"urllib.request", "http.client.HTTPConnection", "http.client.HTTPSConnection", "requests.Session"}
CALLS_OUT = re.compile(
    r"requests\.(get|post|put|delete|head|patch|options|request|session|Session)|requests\.sessions\.Session"
    r"|socket\.create_connection|asyncio\.open_connection|http\.client\.HTTPS?Connection"
)


def another_client(node: ast.AST) -> bool:
    """What asks a server by itself: without the deadline, limits and guards of `mailer.http`."""
    if isinstance(node, ast.ClassDef):
        return any(ast.unparse(base) in ("requests.Session", "HTTPAdapter", "HTTPConnection") for base in node.bases)
    names = {name for name in imported(node) if not name.startswith("urllib3.exceptions.")}
    taken = any(
        name.split(".")[0] in CLIENTS or name in CLIENT_PARTS or name.startswith("urllib.request.") for name in names
    )
    return taken or bool(CALLS_OUT.fullmatch(called(node)))


def weak_chance(node: ast.AST) -> bool:
    return "random" in imported(node) or any(name.startswith("random.") for name in imported(node))


def another_s_host(node: ast.AST) -> bool:
    return called(node).rpartition(".")[2] in ("build_absolute_uri", "get_current_site")


def kept_tokens(node: ast.AST) -> bool:
    return any("SerializableTokenCache" in name for name in imported(node)) or "SerializableTokenCache" in called(node)


ADDRESS = re.compile(r"(?i)(e?mail|address|recipient|contact|account|username)s?(_\w+)?")
ADDRESS_MODULES = {"alertadmin/accounts/email_address.py"}
"""Where Django's fields are made ours."""


def letters_that_a_database_compares(node: ast.AST) -> bool:
    """Each database calls other letters equal: PostgreSQL's i and ı, SQLite's A to Z alone."""
    names = [keyword.arg or "" for keyword in node.keywords] if isinstance(node, ast.Call) else []
    names += [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
    folding = {f"django.db.models.functions.{name}" for name in ("Lower", "Upper")}
    folding |= {name.replace("functions.", "functions.text.") for name in folding}
    return any(re.search(r"__i(exact|startswith|endswith|regex)\b", name) for name in names) or bool(
        folding & imported(node)
    )


def another_rule_of_addresses(node: ast.AST) -> bool:
    """Django's validator and fields, its half of a normal form, Python's IDNA of 2003, and letter case by hand."""
    if any(name.endswith((".validate_email", ".EmailValidator")) for name in imported(node)):
        return True
    if isinstance(node, ast.Attribute) and node.attr in ("EmailField", "normalize_email", "validate_email"):
        return True
    if isinstance(node, ast.Constant) and node.value == "idna":
        return True
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    of = re.findall(r"\w+", ast.unparse(node.func.value))
    return node.func.attr in ("lower", "casefold", "upper") and any(map(ADDRESS.fullmatch, of))


def address_without_its_form(node: ast.AST) -> bool:
    """What writes an address past the save that writes its canonical form too."""
    if called(node).rpartition(".")[2] not in ("update", "save", "bulk_update"):
        return False
    named = {keyword.arg for keyword in node.keywords} if isinstance(node, ast.Call) else set()
    listed = re.findall(r"'(email|address)'", " ".join(map(ast.unparse, getattr(node, "args", []))))
    listed += re.findall(r"'(email|address)'", keywords(node).get("update_fields", ""))
    return bool({"email", "address"} & named) or bool(listed)


RULES: dict[Rule, tuple[list[str], set[str]]] = {
    unverified: (["requests.get(url, verify=False)", "ssl._create_unverified_context()"], set()),
    a_shell: (["subprocess.run(line, shell=True)", "os.system(line)"], set()),
    code_from_data: (["import pickle", "from yaml import load", "eval(text)", "Template(text)"], set()),
    marked_as_safe: (["mark_safe(name)", "from django.utils.safestring import mark_safe"], set()),
    worded_sql: (
        ['cursor.execute(f"SELECT {name}")', "cursor.execute(statement)", "rows.raw(text)", "RawSQL(text)"],
        WORDED_SQL,
    ),
    another_client: (
        [
            "requests.post(url, json={}, timeout=5)",
            "requests.Session()",
            "from requests import Session",
            "class Mine(requests.Session): ...",
            "import urllib.request",
            "from urllib.request import urlopen",
            "import httpx",
            "from hvac import Client",
            "socket.create_connection((host, 443))",
            "http.client.HTTPSConnection(host)",
        ],
        HTTP_CLIENTS,
    ),
    weak_chance: (
        ["import random", "from random import choice"],
        {"alertadmin/outbox/delivery/sender.py"},
    ),  # how long to wait
    another_s_host: (["request.build_absolute_uri(path)"], set()),
    letters_that_a_database_compares: (
        [
            "User.objects.filter(email__iexact=typed)",
            'found.filter(**{"address__istartswith": typed})',
            "from django.db.models.functions import Lower",
            "from django.db.models.functions.text import Upper",
        ],
        set(),
    ),
    another_rule_of_addresses: (
        [
            "from django.core.validators import validate_email",
            "models.EmailField()",
            "forms.EmailField(label=label)",
            "User.objects.normalize_email(typed)",
            'domain.encode("idna")',
            "email.lower()",
            "row.recipient.casefold()",
            "delivery.recipient.lower()",
            'data["address"].lower()',
            "account.lower()",
        ],
        ADDRESS_MODULES,
    ),
    address_without_its_form: (
        [
            "User.objects.filter(pk=1).update(email=typed)",
            'mailbox.save(update_fields=["address"])',
            'rows.bulk_update(found, ["email"])',
        ],
        set(),
    ),
    kept_tokens: (["msal.SerializableTokenCache()", "from msal import SerializableTokenCache"], set()),
}
"""Each with what it must catch, and where it does not hold."""


def found(rule: Rule, tree: ast.AST) -> Iterator[int]:
    yield from (getattr(node, "lineno", 0) for node in ast.walk(tree) if rule(node))


@cache
def tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_catches_what_it_is_for(rule: Rule) -> None:
    for bad in RULES[rule][0]:
        assert [*found(rule, ast.parse(bad))], bad


@pytest.mark.control(37, 38, 45, 47, 52, 53, 68, 74)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_program_keeps_it(rule: Rule) -> None:
    broken = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in PROGRAM
        if path.relative_to(PROJECT).as_posix() not in RULES[rule][1]
        for line in found(rule, tree(path))
    ]
    assert broken == []


@pytest.mark.control(9)
def test_what_encrypts_takes_its_nonce_from_the_system() -> None:
    """AES-GCM's `encrypt` gets a name that got its value from os.urandom in the same function."""
    seen = 0
    for path in PROGRAM:
        for function in (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)):
            for call in ast.walk(function):
                if (
                    not isinstance(call, ast.Call)
                    or not called(call).endswith(".encrypt")
                    or called(call) == "EncryptedValue.encrypt"
                    or len(call.args) < 3
                ):
                    continue
                nonce = ast.unparse(call.args[0])
                assert f"{nonce} = os.urandom(NONCE_BYTES)" in ast.unparse(function), (path, function.name)
                seen += 1
    assert seen >= 2


MAILS = {
    "mails/base.html",
    "consents/request.html",
    "settings_sheet/mail.html",
    "users/invitation_mail.html",
    "reminders/corrections.html",
    "reminders/digest.html",
    "monitoring/system_mail.html",
}
"""Mail programs know no style sheet but the one in the letter. What stands in these is escaped like in all others."""
IN_TEMPLATES = re.compile(
    r"\|\s*safe\b|autoescape off|<script(?![^>]*\bsrc=)|<style|\son(?!e=)[a-z]+=|\sstyle=|javascript:"
)


@pytest.mark.control(35, 37)
@pytest.mark.parametrize(
    "bad",
    ["{{ name|safe }}", "{% autoescape off %}", "<script>", '<b onclick="x()">', '<p style="">', "javascript:x"],
)
def test_a_template_that_lets_texts_act_would_be_found(bad: str) -> None:
    assert IN_TEMPLATES.search(bad)


@pytest.mark.control(35, 37)
def test_no_page_is_a_template_that_lets_texts_act() -> None:
    assert len(TEMPLATES) > 60
    bad = {
        str(path.relative_to(PROJECT)): IN_TEMPLATES.search(path.read_text(encoding="utf-8"))
        for path in TEMPLATES
        if path.relative_to(PROJECT / "templates").as_posix() not in MAILS
    }
    assert {name: match[0] for name, match in bad.items() if match} == {}


def test_the_exceptions_are_still_there() -> None:
    for name in WORDED_SQL:
        assert [*found(worded_sql, tree(PROJECT / name))], name
