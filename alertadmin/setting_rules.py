"""Rules for the values of settings. Each raises BadEnvironment with one sentence that names the variable and says what
to write; values that may contain a secret are not repeated."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Collection
from pathlib import Path

from mailer import server_url
from mailer.http.outbound_proxy import OutboundProxy
from mailer.server_url import BadServerUrl

PREFIX = "ALERTADMIN_"
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})
BROKER_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "redis+socket", "sentinel")
"""URL schemes that Celery supports for Valkey and Redis."""
DATABASE_SCHEMES = ("postgres", "postgresql", "pgsql", "sqlite")


class BadEnvironment(ValueError):
    """A variable is invalid; the message names it and says what to write. Of several each is a line."""


def whole_number(name: str, value: str, lowest: int, highest: int, example: int, unit: str) -> int:
    if not value.isascii() or not value.isdigit() or not lowest <= int(value[:9]) <= highest:
        of = f"from {lowest} on" if highest > 10_000 else f"from {lowest} to {highest}"
        raise BadEnvironment(f'{PREFIX}{name} must be a number of {unit} {of}, such as {example}; it is "{value}".')
    return int(value)


def seconds(name: str, value: str, below: int, example: int) -> float:
    try:
        number = float(value) if value.isascii() else math.nan
    except ValueError:
        number = math.nan
    if not 0 < number < below:
        raise BadEnvironment(f'{PREFIX}{name} must be a number of seconds, such as {example}; it is "{value}".')
    return number


def choice(name: str, value: str, allowed: Collection[str]) -> str:
    if value not in allowed:
        raise BadEnvironment(f'{PREFIX}{name} must be one of {", ".join(allowed)}; it is "{value}".')
    return value


def switch(name: str, value: str) -> bool:
    if value.lower() not in TRUE | FALSE:
        raise BadEnvironment(f'{PREFIX}{name} must be 1 or 0; it is "{value}".')
    return value.lower() in TRUE


def bind_address(value: str) -> tuple[str, int]:
    """Host or IP address (without brackets), and port."""
    try:
        if "@" in value or "/" in value:
            raise BadServerUrl("")
        if value.count(":") > 1 and not value.startswith("["):  # [::]:8000 written without brackets
            host, _colon, port_text = value.rpartition(":")
            host, port = server_url.split_host(f"[{host}]:{port_text}")
        else:
            host, port = server_url.split_host(value)
    except BadServerUrl:
        host, port = "", None
    if not host or port is None:
        raise BadEnvironment(
            'ALERTADMIN_BIND must be "address:port", such as 127.0.0.1:8000, 0.0.0.0:8000 or [::]:8000; it is '
            f'"{value}".'
        )
    return host, port


def public_url(value: str) -> str:
    """Scheme, host and a port that is not the scheme's own: the form that browsers send as the origin."""
    try:
        url = server_url.parse(value, ("https", "http"))
    except BadServerUrl as error:
        raise _not_public(str(error)) from None
    if url.username or url.password or "@" in value:
        raise _not_public("has a user name in it")
    if url.options or url.fragment or "?" in value or "#" in value:
        raise _not_public("goes on with ? or # after the host")
    if url.path.strip("/"):
        raise _not_public(
            f"has the path {url.path.rstrip('/')}: alertadmin needs a host name of its own, it cannot be served "
            "below a path"
        )
    own = {"https": 443, "http": 80}[url.scheme]
    return f"{url.scheme}://{server_url.host_and_port(url.host, None if url.port == own else url.port)}"


def _not_public(why: str) -> BadEnvironment:
    return BadEnvironment(
        f"ALERTADMIN_PUBLIC_URL must be the address that people type, such as https://alerts.example.com; it {why}."
    )


def allowed_hosts(value: str) -> list[str]:
    """Host names and addresses as Django's ALLOWED_HOSTS takes them; `.example.com` stands for all below it."""
    found = []
    for part in value.replace(",", " ").split():
        dot, name = ("." if part.startswith(".") else ""), part.removeprefix(".")
        try:
            literal = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
            host, port = server_url.split_host(literal)
        except BadServerUrl:
            host, port = "", None
        if not host or port is not None:
            more = ": * would let any web site's name lead here" if "*" in part else ""
            raise BadEnvironment(
                "ALERTADMIN_ALLOWED_HOSTS must list host names without scheme and port, divided by commas, such as "
                f'alerts.example.com, 192.168.1.5, .plant.example; "{part}" is none{more}.'
            )
        found.append(dot + server_url.host_and_port(host, None))
    return found


def broker_url(value: str) -> str:
    wanted = (
        "ALERTADMIN_REDIS_URL must be an address such as redis://:password@host:6379/0 or rediss://host, or be left "
        "out: then alertadmin brings its own broker; it"
    )
    for one in value.split(";"):  # a list of sentinels
        try:
            url = server_url.parse(one, BROKER_SCHEMES, needs_host="+socket" not in one)
        except BadServerUrl as error:
            raise BadEnvironment(f"{wanted} {error}.") from None
        if url.scheme == "redis+socket" and not url.path.strip("/"):
            raise BadEnvironment(f"{wanted} names no socket.")
        if url.fragment or (url.scheme != "redis+socket" and not re.fullmatch(r"/?[0-9]*/?", url.path)):
            raise BadEnvironment(f"{wanted} has something other than the number of a database after the host.")
    return value


def database_url(value: str) -> str:
    wanted = "ALERTADMIN_DATABASE_URL must be like postgres://user:password@host:5432/name or sqlite:////a/file; it"
    try:
        # The folder of a Unix socket may stand in the host's place, as %2Fvar%2Frun.
        url = server_url.parse(re.sub(r"(//|@)%2[Ff][^/]*", r"\1socket", value), DATABASE_SCHEMES, needs_host=False)
    except BadServerUrl as error:
        raise BadEnvironment(f"{wanted} {error}.") from None
    if url.fragment or "#" in value:
        raise BadEnvironment(f"{wanted} has a # in it: write %23 for it.")
    if not url.path.strip("/"):
        raise BadEnvironment(f"{wanted} names no {'file' if url.scheme == 'sqlite' else 'database'}.")
    return value


def ping_url(value: str) -> str:
    if not value:
        return ""
    try:
        server_url.parse(value, ("https", "http"))
        why = "" if value.isascii() else "has a character other than ASCII"
    except BadServerUrl as error:
        why = str(error)
    if why:
        raise BadEnvironment(
            "ALERTADMIN_PING_URL must be an address such as https://hc-ping.com/0123-abcd, or be left out; "
            f"it {why}. It is not repeated here: anyone who knows it could report that all is well."
        )
    return value


def outbound_proxy(url: str, no_proxy: str, ca_file: str) -> OutboundProxy | None:
    """The proxy for all that goes to Microsoft and to channels; None if there is none."""
    if not url:
        for name, value in (("HTTPS_PROXY_CA_FILE", ca_file), ("NO_PROXY", no_proxy)):
            if value and (name, value) != ("NO_PROXY", "*"):  # none on purpose
                raise BadEnvironment(
                    f"{PREFIX}{name} is set, but ALERTADMIN_HTTPS_PROXY is not: set it, or leave both out."
                )
        return None
    try:
        proxy = OutboundProxy.parse(url, no_proxy, ca_file)
    except BadServerUrl as error:
        raise BadEnvironment(
            "ALERTADMIN_HTTPS_PROXY must be like http://proxy.example:3128 or https://user:password@proxy.example, "
            f"with %40 for @, %23 for #, %2F for / and %25 for % in the password; it {error}."
        ) from None
    except ValueError as error:
        raise BadEnvironment(
            "ALERTADMIN_NO_PROXY must list hosts, such as localhost, .plant.example, 10.0.0.0/8, vault.example:8200, "
            f"or be *; {error}."
        ) from None
    if ca_file and proxy.server.scheme == "http":
        raise BadEnvironment(
            "ALERTADMIN_HTTPS_PROXY_CA_FILE is for a proxy whose address begins with https://; leave it out, or write "
            "https:// in ALERTADMIN_HTTPS_PROXY."
        )
    return proxy


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def unreadable(path: Path) -> str:
    """Why the file cannot be used, such as "is a folder"; empty if it can."""
    try:
        if path.is_dir():
            return "is a folder"
        with path.open("rb") as file:
            return "" if file.read(1) else "is empty"
    except OSError as error:
        return f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
