"""The environment variables of alertadmin and the data folder's `.env` file, as one object. No Django.

A variable that is set overrides the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from alertadmin import keyring_config, setting_rules
from alertadmin.keyring_config import KeySource
from alertadmin.paths import default_folder
from alertadmin.setting_files import dotenv, from_files
from alertadmin.setting_rules import PREFIX, BadEnvironment
from alertadmin.setting_table import SETTINGS, unknown_name
from mailer import server_url
from mailer.http.outbound_proxy import OutboundProxy
from mailer.http.ssrf_guard import EgressAllowlist

__all__ = ["BadEnvironment", "Environment", "read"]

LANGUAGES = {"en": "English", "fr": "Français"}
"""Languages of pages, mails and commands, each by its own name."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("text", "json")
DEMONSTRATION = frozenset({"BIND", "DEBUG", "LANGUAGE", "LOG_FORMAT", "LOG_LEVEL"})
"""Variables that a demo accepts from its operator's environment: none that names a server, key or address of the
real installation."""
DEMO_PORTS = "ALERTADMIN_DEMO_PORTS"
"""Ports of the demo's sandbox (HTTPS, SMTP submission, relay); set only in a demo."""
SANDBOX_KEY = "SANDBOX_KEY"
"""Key of the sandbox's own pages, generated at each start, since other local accounts can reach its port."""
SOCKET_PATH_LIMIT = 100
"""Bytes. A Unix socket's path has at most 107 on Linux and 103 on macOS; a longer one moves to the temp folder."""


@dataclass(frozen=True)
class Environment:
    """Its rules are evaluated once; those that read the record of the last `up` or the temporary folder are not."""

    data_dir: Path
    values: Mapping[str, str] = field(repr=False)
    """Some values are passwords or tokens."""
    mistakes: tuple[str, ...] = ()
    """Mistakes found while the values were read: sentences."""

    def get(self, name: str, default: str = "") -> str:
        """The value without white space around it, and without quotes, which `docker run --env-file` keeps. An empty
        one counts as not set."""
        value = self.values.get(PREFIX + name, "").strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        return value or default

    def check(self) -> None:
        """Judge all settings. Raises BadEnvironment with a line for each mistake."""
        found = list(self.mistakes)
        for rule in dict.fromkeys(setting.rule for setting in SETTINGS if setting.rule):
            try:
                getattr(self, rule)
            except BadEnvironment as error:
                found.append(str(error))
        if found:
            raise BadEnvironment("\n".join(dict.fromkeys(found)))

    def unknown_names(self) -> dict[str, str]:
        """A sentence for each variable that begins with ALERTADMIN_ and is none of ours."""
        given = {name: unknown_name(name) for name in sorted(self.values) if name.startswith(PREFIX)}
        return {name: said for name, said in given.items() if said}

    @cached_property
    def database_url(self) -> str:
        value = self.get("DATABASE_URL")
        return setting_rules.database_url(value) if value else ""

    @cached_property
    def embedded_broker(self) -> bool:
        return not self.get("REDIS_URL")

    @property
    def broker_socket(self) -> Path:
        """Socket of the embedded Valkey: in the data folder, or under a short name if that path is too long."""
        path = self.data_dir / "broker.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        # The hash keeps two installations of one user apart.
        return Path(tempfile.gettempdir()) / f"alertadmin-{os.getuid()}-{abs(hash_of(self.data_dir)):x}" / "broker.sock"

    @property
    def redis_url(self) -> str:
        value = self.get("REDIS_URL")
        return setting_rules.broker_url(value) if value else f"redis+socket://{self.broker_socket}?virtual_host=0"

    @cached_property
    def bind(self) -> tuple[str, int]:
        return setting_rules.bind_address(self.get("BIND", DEFAULT_BIND))

    @property
    def public_url(self) -> str:
        """The address that links in mails begin with. Without ALERTADMIN_PUBLIC_URL and _BIND, the one that `up`
        recorded: commands run without the options that `up` was started with. Without a name, the first that is
        allowed."""
        if value := self.get("PUBLIC_URL"):
            url = setting_rules.public_url(value)
            if self.tls and url.startswith("http://"):
                raise BadEnvironment(
                    "ALERTADMIN_PUBLIC_URL must begin with https://, since ALERTADMIN_TLS_CERTIFICATE is set; it is "
                    f"{url}."
                )
            return url
        if not self.get("BIND") and (recorded := self.recorded_url):
            return recorded
        host, port = self.bind
        named = [name for name in self.allowed_hosts if not name.startswith(".")] if host in ANY_ADDRESS else []
        name = named[0].strip("[]") if named else "localhost" if host in LOCAL_HOSTS else host
        return f"{'https' if self.tls else 'http'}://{server_url.host_and_port(name, port)}"

    def of_web_server(self) -> Environment:
        """The same for the process that starts the web server, which must not take its address from an earlier one."""
        return replace(self, values={**self.values, PREFIX + "BIND": self.get("BIND", DEFAULT_BIND)})

    @property
    def recorded_url(self) -> str:
        """The address that the last `up` of this data folder was reached by; empty if there was none."""
        with contextlib.suppress(BadEnvironment):
            return setting_rules.public_url(self._recorded("url"))
        return ""

    def _recorded(self, name: str) -> str:
        """What the last `up` noted about itself; empty if there was none."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            return str(json.loads((self.data_dir / "up.lock").read_bytes())[name])
        return ""

    @property
    def is_address_unknown(self) -> bool:
        """Whether links in mails lead to localhost although other machines are meant to open them, as far as known."""
        if self.get("PUBLIC_URL") or self.sandbox:
            return False
        if not self.get("BIND") and self.recorded_url:
            return self._recorded("is_address_unknown") == "True"
        if self.bind[0] in ANY_ADDRESS:
            return all(name.startswith(".") for name in self.allowed_hosts)
        return not self.get("BIND")

    @cached_property
    def allowed_hosts(self) -> list[str]:
        """Names besides that of the public URL by which browsers may open pages."""
        return setting_rules.allowed_hosts(self.get("ALLOWED_HOSTS"))

    @cached_property
    def tls(self) -> tuple[Path, Path] | None:
        """Certificate chain and private key, both PEM, if the web server itself serves TLS."""
        certificate, key = self.get("TLS_CERTIFICATE"), self.get("TLS_KEY")
        if bool(certificate) != bool(key):
            missing, other = ("TLS_KEY", "TLS_CERTIFICATE") if certificate else ("TLS_CERTIFICATE", "TLS_KEY")
            raise BadEnvironment(f"ALERTADMIN_{missing} must name a PEM file too, where ALERTADMIN_{other} is set.")
        return (Path(certificate), Path(key)) if certificate else None

    @property
    def is_in_clear(self) -> bool:
        """Whether other machines can connect, and neither this server nor PUBLIC_URL uses TLS."""
        is_local = setting_rules.is_loopback(self.bind[0])
        return not is_local and not self.tls and not self.public_url.startswith("https://")

    @property
    def proxies(self) -> int:
        """Number of trusted reverse proxies, each of which appends the client to X-Forwarded-For."""
        is_behind_one = self.public_url.startswith("https://") and not self.tls
        return setting_rules.whole_number(
            "PROXIES", self.get("PROXIES") or ("1" if is_behind_one else "0"), 0, 9, 1, "proxies"
        )

    @cached_property
    def secret_key(self) -> str:
        value = self.get("SECRET_KEY")
        if value and len(value) < MIN_SECRET_KEY:
            raise BadEnvironment(
                f"ALERTADMIN_SECRET_KEY must have {MIN_SECRET_KEY} characters or more (openssl rand -base64 48), or be "
                "left out: then alertadmin makes one."
            )
        return value

    @cached_property
    def debug(self) -> bool:
        return setting_rules.switch("DEBUG", self.get("DEBUG"))

    @cached_property
    def keys_file(self) -> Path:
        return Path(self.get("KEYS_FILE") or self.data_dir / "keys.json")

    @cached_property
    def keys(self) -> KeySource:
        """Where the keyring is kept; None: in the unencrypted key file. May contain the keys."""
        try:
            return keyring_config.parse(self.get("KEYS"))
        except keyring_config.InvalidKeySource as error:
            raise BadEnvironment(str(error)) from None

    def path(self, name: str) -> Path | None:
        """The file that a setting names; None if it is not set."""
        value = self.get(name)
        return Path(value).expanduser() if value else None

    @cached_property
    def keys_token_file(self) -> Path | None:
        """File with the token for a Vault or OpenBao, if KEYS_TOKEN is not set."""
        return self.path("KEYS_TOKEN_FILE")

    @cached_property
    def keys_ca_file(self) -> Path | None:
        """CA file (PEM) for the KMS; None: the system's authorities."""
        return self.path("KEYS_CA_FILE")

    @cached_property
    def clouds_file(self) -> Path | None:
        return self.path("CLOUDS_FILE")

    @cached_property
    def sign_in_file(self) -> Path | None:
        """The sign-in providers (accounts/oidc/config_file.py)."""
        return self.path("SIGN_IN_FILE")

    @cached_property
    def group_roles_last(self) -> timedelta:
        """How long a group role stays in force without a confirmation by the provider."""
        value = self.get("GROUP_ROLES_HOURS", "72")
        return timedelta(hours=setting_rules.whole_number("GROUP_ROLES_HOURS", value, 1, 168, 72, "hours"))

    @cached_property
    def language(self) -> str:
        """Language of mails to tenants without one, of commands, and of browsers that ask for none of LANGUAGES."""
        return setting_rules.choice("LANGUAGE", self.get("LANGUAGE", "en"), LANGUAGES)

    @cached_property
    def lease(self) -> timedelta:
        """Duration of a worker's lease on a delivery."""
        return timedelta(seconds=setting_rules.seconds("LEASE_SECONDS", self.get("LEASE_SECONDS", "90"), 86_400, 90))

    @cached_property
    def inside_targets(self) -> EgressAllowlist:
        """Internal addresses that channels from pages may use; none by default."""
        try:
            return EgressAllowlist.parse(self.get("INSIDE_TARGETS"))
        except ValueError as error:
            raise BadEnvironment(
                "ALERTADMIN_INSIDE_TARGETS must list addresses or networks, such as "
                f"10.1.2.0/24, 192.168.1.5:8080, [fd00::1]:443; {error}."
            ) from None

    @cached_property
    def tests_per_hour(self) -> int:
        """Max test sends of one user within an hour, from pages."""
        return setting_rules.whole_number("TESTS_PER_HOUR", self.get("TESTS_PER_HOUR", "30"), 1, 10_000, 30, "tests")

    @cached_property
    def keep_words(self) -> timedelta:
        """How long the text of a finished mail is kept."""
        return self._days("KEEP_WORDS_DAYS", 90)

    @cached_property
    def keep_deliveries(self) -> timedelta:
        """How long a finished delivery is kept."""
        return self._days("KEEP_DELIVERIES_DAYS", 730)

    @cached_property
    def keep_audit(self) -> timedelta:
        """How long audit entries are kept."""
        return self._days("KEEP_AUDIT_DAYS", 730)

    def _days(self, name: str, default: int) -> timedelta:
        # At least a month: a delivery is given up after 30 days.
        value = self.get(name, str(default))
        return timedelta(days=setting_rules.whole_number(name, value, 31, 36_500, default, "days"))

    @cached_property
    def sandbox(self) -> str:
        """URL of the demo's sandbox, such as https://localhost:9443; empty in a real installation."""
        ports = self.get("DEMO_PORTS")
        return f"https://localhost:{ports.partition(',')[0]}" if ports else ""

    @cached_property
    def sandbox_key(self) -> str:
        return self.values.get(SANDBOX_KEY, "")

    @cached_property
    def log_level(self) -> str:
        """Level of alertadmin's own log lines; empty by default."""
        value = self.get("LOG_LEVEL").upper()
        return setting_rules.choice("LOG_LEVEL", value, LOG_LEVELS) if value else ""

    @cached_property
    def log_format(self) -> str:
        """`text` for people, or `json`, one object per line."""
        return setting_rules.choice("LOG_FORMAT", self.get("LOG_FORMAT", "text").lower(), LOG_FORMATS)

    @cached_property
    def smtp_url(self) -> str:
        return self.get("SMTP_URL")

    @cached_property
    def outbound_proxy(self) -> OutboundProxy | None:
        """The proxy for HTTP to Microsoft, channels, sign-in providers, vaults and the monitor. May have a password."""
        ca_file = self.path("HTTPS_PROXY_CA_FILE")
        return setting_rules.outbound_proxy(self.get("HTTPS_PROXY"), self.get("NO_PROXY"), str(ca_file or ""))

    @cached_property
    def ping_url(self) -> str:
        """URL that is called regularly while all is well; empty: none. A secret: its path is a token."""
        return setting_rules.ping_url(self.get("PING_URL"))


DEFAULT_BIND = "127.0.0.1:8000"
LOCAL_HOSTS = {"127.0.0.1", "::1", "0.0.0.0", "::", "localhost"}  # noqa: S104  # nosec B104
"""Compared with, not bound to."""
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nosec B104
"""Addresses that stand for every address of this machine."""
MIN_SECRET_KEY = 16
"""Characters."""


def hash_of(path: Path) -> int:
    """A hash of the path that is the same in every process, unlike `hash`."""
    return zlib.crc32(os.fsencode(path))


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    data_dir = Path(environ.get("ALERTADMIN_DATA_DIR") or default_folder("var")).expanduser().resolve()
    from_file, mistakes = dotenv(data_dir / ".env")
    if environ.get(DEMO_PORTS):
        from_file = {name: value for name, value in from_file.items() if name.removeprefix(PREFIX) in DEMONSTRATION}
    # These two are set by the demo's start only.
    own = {name: value for name, value in from_file.items() if name not in (DEMO_PORTS, SANDBOX_KEY)}
    values, more = from_files({**own, **environ})
    return Environment(data_dir, values, (*mistakes, *more))
