"""Every environment variable of alertadmin, declared once: its kind, its default, and the rule that judges it.

docs/configuration.md describes each; tests/docs compares.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum

from alertadmin.setting_rules import PREFIX


class Kind(StrEnum):
    ADDRESS = "address"
    CHOICE = "choice"
    FILE = "file"
    FOLDER = "folder"
    LIST = "list"
    NUMBER = "number"
    SWITCH = "switch"
    TEXT = "text"
    URL = "url"


@dataclass(frozen=True)
class Setting:
    name: str
    """Without ALERTADMIN_."""
    kind: Kind
    default: str
    """As docs/configuration.md writes it."""
    rule: str = ""
    """Property of Environment that raises BadEnvironment. Empty: judged where it is used, and reported by
    monitoring/setting_checks.py, or any text will do."""
    is_secret: bool = False
    """Its value is never repeated, and may stand in a file (`file_form`)."""
    is_documented: bool = True
    """False: set by alertadmin itself, or for its tests."""

    @property
    def file_form(self) -> str:
        """The variable that names a file with this value; empty if there is none."""
        if not self.is_secret:
            return ""
        # ALERTADMIN_KEYS_FILE is the keyring as alertadmin writes it.
        return "KEYS_VALUE_FILE" if self.name == "KEYS" else f"{self.name}_FILE"


SETTINGS = (
    Setting("DATA_DIR", Kind.FOLDER, "var/"),
    Setting("DATABASE_URL", Kind.URL, "SQLite in the data folder", "database_url", is_secret=True),
    Setting("REDIS_URL", Kind.URL, "embedded Valkey", "redis_url", is_secret=True),
    Setting("BIND", Kind.ADDRESS, "127.0.0.1:8000", "bind"),
    Setting("PUBLIC_URL", Kind.URL, "from the bind address", "public_url"),
    Setting("ALLOWED_HOSTS", Kind.LIST, "none", "allowed_hosts"),
    Setting("TLS_CERTIFICATE", Kind.FILE, "none", "tls"),
    Setting("TLS_KEY", Kind.FILE, "none", "tls"),
    Setting("PROXIES", Kind.NUMBER, "1 or 0", "proxies"),
    Setting("SMTP_URL", Kind.URL, "none", is_secret=True),
    Setting("SMTP_FROM", Kind.TEXT, "see below"),
    Setting("HTTPS_PROXY", Kind.URL, "none", "outbound_proxy", is_secret=True),
    Setting("HTTPS_PROXY_CA_FILE", Kind.FILE, "the system's authorities", "outbound_proxy"),
    Setting("NO_PROXY", Kind.LIST, "none", "outbound_proxy"),
    Setting("PING_URL", Kind.URL, "none", "ping_url", is_secret=True),
    Setting("CLOUDS_FILE", Kind.FILE, "none"),
    Setting("SIGN_IN_FILE", Kind.FILE, "none"),
    Setting("GROUP_ROLES_HOURS", Kind.NUMBER, "72", "group_roles_last"),
    Setting("INSIDE_TARGETS", Kind.LIST, "none", "inside_targets"),
    Setting("KEYS_FILE", Kind.FILE, "keys.json in the data folder"),
    Setting("KEYS", Kind.TEXT, "the key file", "keys", is_secret=True),
    Setting("KEYS_TOKEN", Kind.TEXT, "none", is_secret=True),
    Setting("KEYS_NAMESPACE", Kind.TEXT, "none"),
    Setting("KEYS_CA_FILE", Kind.FILE, "the system's authorities"),
    Setting("SECRET_KEY", Kind.TEXT, "generated", "secret_key", is_secret=True),
    Setting("LOG_FORMAT", Kind.CHOICE, "text", "log_format"),
    Setting("LOG_LEVEL", Kind.CHOICE, "INFO", "log_level"),
    Setting("TESTS_PER_HOUR", Kind.NUMBER, "30", "tests_per_hour"),
    Setting("KEEP_WORDS_DAYS", Kind.NUMBER, "90", "keep_words"),
    Setting("KEEP_DELIVERIES_DAYS", Kind.NUMBER, "730", "keep_deliveries"),
    Setting("KEEP_AUDIT_DAYS", Kind.NUMBER, "730", "keep_audit"),
    Setting("LANGUAGE", Kind.CHOICE, "en", "language"),
    Setting("LEASE_SECONDS", Kind.NUMBER, "90", "lease"),
    Setting("DEBUG", Kind.SWITCH, "0", "debug"),
    Setting("DEMO_PORTS", Kind.TEXT, "", is_documented=False),
    Setting("STARTED_BY", Kind.TEXT, "", is_documented=False),
    Setting("LEADER", Kind.TEXT, "", is_documented=False),
    Setting("CRASH_AT", Kind.TEXT, "", is_documented=False),
    Setting("CRASH_ONCE", Kind.TEXT, "", is_documented=False),
    Setting("CRASH_WITH_GROUP", Kind.TEXT, "", is_documented=False),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}
READ_AT_USE = frozenset({"KEYS_TOKEN"})
"""Secrets whose file is read at each use, since an agent renews it."""
NAMES = frozenset({*BY_NAME, *(setting.file_form for setting in SETTINGS if setting.is_secret)})
_OF_KUBERNETES = re.compile(r"(?:.+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_.+)?)?)")
"""Variables that Kubernetes sets for a service named alertadmin ("Discovering services": environment variables)."""


def unknown_name(variable: str) -> str:
    """A sentence about a variable that begins with ALERTADMIN_ and is none of ours, with the nearest known name; empty
    if it is known or Kubernetes set it."""
    name = variable.removeprefix(PREFIX)
    if name in NAMES or _OF_KUBERNETES.fullmatch(name):
        return ""
    documented = [known for known in sorted(NAMES) if known not in BY_NAME or BY_NAME[known].is_documented]
    near = difflib.get_close_matches(name.upper(), documented, n=1, cutoff=0.6)
    return f"no setting has this name; did you mean {PREFIX}{near[0]}?" if near else "no setting has this name."
