"""The environment variables of alertadmin and the data folder's `.env` file, as one object. No Django.

A variable that is set overrides the file.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tempfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from alertadmin import keyring_config
from alertadmin.keyring_config import KeySource
from alertadmin.paths import default_folder
from mailer.http.ssrf_guard import EgressAllowlist

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


class BadEnvironment(ValueError):
    """A variable is invalid; the message names it and says what to write."""


@dataclass(frozen=True)
class Environment:
    data_dir: Path
    values: Mapping[str, str] = field(repr=False)
    """Some values are passwords or tokens."""

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(f"ALERTADMIN_{name}", default)

    @property
    def database_url(self) -> str:
        return self.get("DATABASE_URL")

    @property
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
        url = self.get("REDIS_URL").strip()
        if url and not _is_address(url, BROKER_SCHEMES):
            # The value may contain a password: do not repeat it.
            raise BadEnvironment(
                "ALERTADMIN_REDIS_URL must be an address such as redis://:password@host:6379/0 or rediss://host, "
                "or be left out: then alertadmin brings its own broker."
            )
        return url or f"redis+socket://{self.broker_socket}?virtual_host=0"

    @property
    def bind(self) -> tuple[str, int]:
        value = self.get("BIND", "127.0.0.1:8000")
        host, _, port = value.rpartition(":")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
        if not _is_host(host.strip("[]")) or not is_port:
            raise BadEnvironment(f'ALERTADMIN_BIND must be "address:port", such as 127.0.0.1:8000; it is "{value}".')
        return host.strip("[]"), int(port)

    @property
    def public_url(self) -> str:
        host, port = self.bind
        name = f"[{host}]" if ":" in host else host
        scheme = "https" if self.tls else "http"
        url = self.get("PUBLIC_URL") or f"{scheme}://{'localhost' if host in LOCAL_HOSTS else name}:{port}"
        if not _is_address(url, ("http", "https")):
            raise BadEnvironment(
                "ALERTADMIN_PUBLIC_URL must be the address that people type, such as https://alerts.example.com; "
                f'it is "{url}".'
            )
        return url.rstrip("/")

    @property
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
        host = self.bind[0]
        try:
            is_local = ipaddress.ip_address(host.partition("%")[0]).is_loopback
        except ValueError:
            is_local = host == "localhost"
        return not is_local and not self.tls and not self.public_url.startswith("https://")

    @property
    def proxies(self) -> int:
        """Number of trusted reverse proxies, each of which appends the client to X-Forwarded-For."""
        is_behind_one = self.public_url.startswith("https://") and not self.tls
        value = self.get("PROXIES") or ("1" if is_behind_one else "0")
        if not value.isascii() or not value.isdigit() or int(value) > 9:
            raise BadEnvironment(f'ALERTADMIN_PROXIES must be a number of proxies, such as 1; it is "{value}".')
        return int(value)

    @property
    def keys_file(self) -> Path:
        return Path(self.get("KEYS_FILE") or self.data_dir / "keys.json")

    @property
    def keys(self) -> KeySource:
        """Where the keyring is kept; None: in the unencrypted key file. May contain the keys."""
        try:
            return keyring_config.parse(self.get("KEYS"))
        except keyring_config.InvalidKeySource as error:
            raise BadEnvironment(str(error)) from None

    @property
    def keys_token_file(self) -> Path | None:
        """File with the token for a Vault or OpenBao, if KEYS_TOKEN is not set."""
        value = self.get("KEYS_TOKEN_FILE")
        return Path(value) if value else None

    @property
    def keys_ca_file(self) -> Path | None:
        """CA file (PEM) for the KMS; None: the system's authorities."""
        value = self.get("KEYS_CA_FILE")
        return Path(value) if value else None

    @property
    def clouds_file(self) -> Path | None:
        value = self.get("CLOUDS_FILE")
        return Path(value) if value else None

    @property
    def sign_in_file(self) -> Path | None:
        """The sign-in providers (accounts/oidc/config_file.py)."""
        value = self.get("SIGN_IN_FILE")
        return Path(value) if value else None

    @property
    def group_roles_last(self) -> timedelta:
        """How long a group role stays in force without a confirmation by the provider."""
        value = self.get("GROUP_ROLES_HOURS") or "72"
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 168:
            raise BadEnvironment(
                f'ALERTADMIN_GROUP_ROLES_HOURS must be a number of hours from 1 to 168, such as 72; it is "{value}".'
            )
        return timedelta(hours=int(value))

    @property
    def language(self) -> str:
        """Language of mails to tenants without one, of commands, and of browsers that ask for none of LANGUAGES."""
        value = self.get("LANGUAGE") or "en"
        if value not in LANGUAGES:
            raise BadEnvironment(f'ALERTADMIN_LANGUAGE must be one of {", ".join(LANGUAGES)}; it is "{value}".')
        return value

    @property
    def lease(self) -> timedelta:
        """Duration of a worker's lease on a delivery."""
        value = self.get("LEASE_SECONDS") or "90"
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0
        if not 0 < seconds < 86_400:
            raise BadEnvironment(f'ALERTADMIN_LEASE_SECONDS must be a number of seconds, such as 90; it is "{value}".')
        return timedelta(seconds=seconds)

    @property
    def inside_targets(self) -> EgressAllowlist:
        """Internal addresses that channels from pages may use; none by default."""
        try:
            return EgressAllowlist.parse(self.get("INSIDE_TARGETS"))
        except ValueError as error:
            raise BadEnvironment(
                "ALERTADMIN_INSIDE_TARGETS must list addresses or networks, such as "
                f"10.1.2.0/24, 192.168.1.5:8080, [fd00::1]:443; {error}."
            ) from None

    @property
    def tests_per_hour(self) -> int:
        """Max test sends of one user within an hour, from pages."""
        value = self.get("TESTS_PER_HOUR") or "30"
        if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 10_000:
            raise BadEnvironment(f'ALERTADMIN_TESTS_PER_HOUR must be a number of tests, such as 30; it is "{value}".')
        return int(value)

    @property
    def keep_words(self) -> timedelta:
        """How long the text of a finished mail is kept."""
        return self._days("KEEP_WORDS_DAYS", 90)

    @property
    def keep_deliveries(self) -> timedelta:
        """How long a finished delivery is kept."""
        return self._days("KEEP_DELIVERIES_DAYS", 730)

    @property
    def keep_audit(self) -> timedelta:
        """How long audit entries are kept."""
        return self._days("KEEP_AUDIT_DAYS", 730)

    def _days(self, name: str, default: int) -> timedelta:
        value = self.get(name) or str(default)
        # At least a month: a delivery is given up after 30 days.
        if not value.isascii() or not value.isdigit() or not 31 <= int(value) <= 36_500:
            raise BadEnvironment(
                f'ALERTADMIN_{name} must be a number of days from 31 on, such as {default}; it is "{value}".'
            )
        return timedelta(days=int(value))

    @property
    def sandbox(self) -> str:
        """URL of the demo's sandbox, such as https://localhost:9443; empty in a real installation."""
        ports = self.get("DEMO_PORTS")
        return f"https://localhost:{ports.partition(',')[0]}" if ports else ""

    @property
    def sandbox_key(self) -> str:
        return self.values.get(SANDBOX_KEY, "")

    @property
    def log_level(self) -> str:
        """Level of alertadmin's own log lines; empty by default."""
        value = self.get("LOG_LEVEL").upper()
        if value and value not in LOG_LEVELS:
            raise BadEnvironment(f'ALERTADMIN_LOG_LEVEL must be one of {", ".join(LOG_LEVELS)}; it is "{value}".')
        return value

    @property
    def log_format(self) -> str:
        """`text` for people, or `json`, one object per line."""
        value = self.get("LOG_FORMAT").lower() or "text"
        if value not in LOG_FORMATS:
            raise BadEnvironment(f'ALERTADMIN_LOG_FORMAT must be {" or ".join(LOG_FORMATS)}; it is "{value}".')
        return value

    @property
    def smtp_url(self) -> str:
        return self.get("SMTP_URL")

    @property
    def ping_url(self) -> str:
        """URL that is called regularly while all is well; empty: none. A secret: its path is a token."""
        value = self.get("PING_URL").strip()
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if value and (not usable or not value.isascii() or not value.isprintable() or " " in value):
            raise BadEnvironment(
                "ALERTADMIN_PING_URL must be an address such as https://hc-ping.com/0123-abcd, or be left out. "
                "It is not repeated here: anyone who knows it could report that all is well."
            )
        return value


BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "sentinel")
"""URL schemes that Celery supports for Valkey and Redis."""


def _is_address(url: str, schemes: Collection[str]) -> bool:
    """Whether the URL has one of these schemes, a host (or, for a socket, a path) and a valid port."""
    try:
        parts = urlsplit(url.partition(";")[0])  # a list of sentinels
        port = parts.port
    except ValueError:
        return False
    has_place = bool(parts.hostname or (parts.scheme.endswith("+socket") and parts.path))
    return parts.scheme in schemes and has_place and port != 0 and not re.search(r"\s", url)


LOCAL_HOSTS = {"127.0.0.1", "::1", "0.0.0.0", "::", "localhost"}  # noqa: S104  # nosec B104
"""Compared with, not bound to."""


def _is_host(host: str) -> bool:
    """Whether it is a valid host name or address; resolving it is left to the server."""
    if ":" not in host:
        return re.fullmatch(r"[\w.-]+", host) is not None
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def hash_of(path: Path) -> int:
    """A hash of the path that is the same in every process, unlike `hash`."""
    return zlib.crc32(os.fsencode(path))


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    data_dir = Path(environ.get("ALERTADMIN_DATA_DIR") or default_folder("var")).expanduser().resolve()
    kept = _dotenv(data_dir / ".env")
    if environ.get(DEMO_PORTS):
        kept = {name: value for name, value in kept.items() if name.removeprefix("ALERTADMIN_") in DEMONSTRATION}
    # These two are set by the demo's start only.
    own = {name: value for name, value in kept.items() if name not in (DEMO_PORTS, SANDBOX_KEY)}
    return Environment(data_dir, {**own, **environ})


def _dotenv(path: Path) -> dict[str, str]:
    """Parse `NAME=value` lines; `#` begins a comment line; quotes around a value are removed."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    values = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            values[name.strip()] = value
    return values
