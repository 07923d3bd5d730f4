"""Connections through the operator's outbound proxy: CONNECT over http:// or https://, with or without a login.

Only HTTP uses it; SMTP is always direct. TLS to the final server is made inside the tunnel and verified as without a
proxy. Source: RFC 9110, 9.3.6 and 11.7, RFC 7617.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
from dataclasses import dataclass, field

from mailer import server_url
from mailer.errors import Answer
from mailer.http import deadline_sockets
from mailer.http.no_proxy import NoProxy
from mailer.http.ssrf_guard import InternalAddress
from mailer.http.tls_tunnel import carry_over_tls
from mailer.server_url import BadServerUrl, ServerUrl, host_and_port

DEFAULT_PORTS = {"http": 8080, "https": 443}
MAX_HEADER = 65_536
"""Bytes of the proxy's answer before the tunnel begins."""
LOOKUP_TIMEOUT = 2.0
"""Seconds for the look-up of a channel's host on this machine, which may have no DNS for names outside."""
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".corp", ".private")
"""Names that are never on the public internet (RFC 6761, 6762, 8375; ICANN's reserved `.internal`), or by custom."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r?\n)")


class OutboundProxyError(OSError):
    """The proxy did not open the tunnel. The message names it and contains no login; nothing reached the server."""

    proves = Answer.NOT_REACHED


@dataclass(frozen=True)
class OutboundProxy:
    url: str = field(repr=False)
    """It may have a password."""
    server: ServerUrl
    no_proxy: NoProxy = field(default_factory=NoProxy)
    ca_file: str = ""
    """Authorities (PEM) for the certificate of an https:// proxy; empty: the system's. Not for servers behind it."""

    @classmethod
    def parse(cls, url: str, no_proxy: str = "", ca_file: str = "") -> OutboundProxy:
        """Raises BadServerUrl for the URL, ValueError for `no_proxy`."""
        server = server_url.parse(url, ("http", "https"))
        if server.path not in ("", "/") or server.options or server.fragment:
            raise BadServerUrl("goes on after the host")
        if ":" in server.username:
            raise BadServerUrl("has a colon in its user name")
        if server.password and not server.username:
            raise BadServerUrl("has a password without a user name")
        return cls(url, server, NoProxy.parse(no_proxy), ca_file)

    @property
    def written(self) -> tuple[str, str, str]:
        """The arguments of `parse`, for another process. With the password."""
        return self.url, self.no_proxy.text, self.ca_file

    def __str__(self) -> str:
        return host_and_port(self.server.host, self.port)

    @property
    def port(self) -> int:
        return self.server.port or DEFAULT_PORTS[self.server.scheme]

    def tunnel(self, host: str, port: int) -> deadline_sockets.PlainSocket:
        """A connection to the server, through this proxy. Raises OutboundProxyError."""
        target = host_and_port(host, port)
        connection = self._reach()
        try:
            connection.sendall(self._request(target))
            header = _read_header(connection)
            self._check(header, target)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise OutboundProxyError(f"The proxy {self} did not connect to {target} in time.") from error
            if isinstance(error, OSError) and not isinstance(error, OutboundProxyError):
                raise OutboundProxyError(f"The proxy {self} broke the connection off: {_kind(error)}.") from error
            raise
        if isinstance(connection, ssl.SSLSocket):
            return deadline_sockets.PlainSocket(fileno=carry_over_tls(connection).detach())
        return connection

    def _reach(self) -> deadline_sockets.PlainSocket | deadline_sockets.TlsSocket:
        try:
            with deadline_sockets.address_check(None):  # the operator chose it; it may be internal
                plain = deadline_sockets.dial(self.server.host, self.port)
        except socket.gaierror as error:
            raise OutboundProxyError(f"The name of the proxy {self} is not known.") from error
        except TimeoutError as error:
            raise OutboundProxyError(f"The proxy {self} does not answer.") from error
        except OSError as error:
            raise OutboundProxyError(f"The proxy {self} cannot be reached: {_kind(error)}.") from error
        if self.server.scheme == "http":
            return plain
        try:
            context = deadline_sockets.tls_context(self.ca_file or None, "https")
            return context.wrap_socket(plain, server_hostname=self.server.host)  # type: ignore[return-value]
        except OSError as error:
            plain.close()
            raise OutboundProxyError(self._tls_error(error)) from error

    def _tls_error(self, error: OSError) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"The certificate of the proxy {self} is not trusted ({error.verify_message.rstrip('.')}): "
                "ALERTADMIN_HTTPS_PROXY_CA_FILE names its authority."
            )
        if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
            return f"The file of ALERTADMIN_HTTPS_PROXY_CA_FILE cannot be read: {_kind(error)}."
        if isinstance(error, ssl.SSLError) and error.reason in ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE"):
            return "The file of ALERTADMIN_HTTPS_PROXY_CA_FILE has no certificate in PEM format."
        return f"The proxy {self} does not speak TLS: its address may begin with http:// ({_kind(error)})."

    def _request(self, target: str) -> bytes:
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", "User-Agent: alertadmin"]
        if self.server.username:
            login = base64.b64encode(f"{self.server.username}:{self.server.password}".encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {login}")
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")

    def _check(self, header: bytes, target: str) -> None:
        """Raise OutboundProxyError unless the answer opens the tunnel."""
        match = _STATUS.match(header)
        if not header:
            raise OutboundProxyError(f"The proxy {self} closed the connection without an answer.")
        if match is None:
            raise OutboundProxyError(
                f"The proxy {self} answered with something other than HTTP: its address may begin with https://, or "
                "it is no proxy."
            )
        status = int(match[1])
        if 200 <= status < 300:
            return
        raise OutboundProxyError(self._refusal(status, header, target))

    def _refusal(self, status: int, header: bytes, target: str) -> str:
        if status == 407:
            methods = re.findall(rb"(?im)^proxy-authenticate:[ \t]*([A-Za-z][A-Za-z-]{1,20})", header)
            offered = sorted({method.decode("ascii") for method in methods})
            if offered and "basic" not in [method.lower() for method in offered]:
                return f"The proxy {self} offers only {', '.join(offered)} (HTTP 407); alertadmin signs in by Basic."
            if self.server.username:
                return f"The proxy {self} refused the user name and password of ALERTADMIN_HTTPS_PROXY (HTTP 407)."
            return (
                f"The proxy {self} asks for a user name and password (HTTP 407), and ALERTADMIN_HTTPS_PROXY has none."
            )
        if 400 <= status < 500:
            return f"The proxy {self} does not allow connections to {target} (HTTP {status})."
        if status in (502, 503, 504):
            return f"The proxy {self} could not reach {target} (HTTP {status})."
        return f"The proxy {self} answered HTTP {status} and opened no connection to {target}."


_proxy: OutboundProxy | None = None


def use(proxy: OutboundProxy | None) -> None:
    """Let all HTTP connections of this process go through the proxy; None: none."""
    global _proxy
    _proxy = proxy


def current() -> OutboundProxy | None:
    return _proxy


def connect(host: str, port: int) -> deadline_sockets.PlainSocket:
    """Connect to a web server: through the proxy if there is one for this host, else directly. Raises OSError
    (OutboundProxyError, gaierror, TimeoutError, …), or what the address check raises."""
    proxy = _proxy
    if proxy is None or deadline_sockets.has_dialer() or proxy.no_proxy.includes(host, port):
        return deadline_sockets.dial(host, port)
    _check_target(host, port)
    return proxy.tunnel(host, port)


def _check_target(host: str, port: int) -> None:
    """Let the address check see what this machine knows of a target that the proxy will resolve: addresses in any
    notation, names that are internal by themselves, and names that resolve here."""
    may_dial = deadline_sockets.current_address_check()
    if may_dial is None:
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = []
    if not found:
        try:
            seconds = deadline_sockets.seconds_left(LOOKUP_TIMEOUT)
            found = deadline_sockets.run_with_timeout(
                seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            if is_local_name(host):
                raise InternalAddress from None
            return  # only the proxy knows the name
    for *_kind_of_socket, address in found:
        may_dial(str(address[0]), port)


def is_local_name(host: str) -> bool:
    """Whether a name cannot be one of the public internet."""
    name = host.rstrip(".").lower()
    return "." not in name or name.endswith(LOCAL_SUFFIXES)


def _read_header(connection: deadline_sockets.PlainSocket | deadline_sockets.TlsSocket) -> bytes:
    """The bytes up to the empty line, one by one: what follows belongs to the tunnel. Less if the proxy ends early."""
    header, one = bytearray(), bytearray(1)
    while len(header) < MAX_HEADER and not header.endswith((b"\r\n\r\n", b"\n\n")):
        if not connection.recv_into(one, 1):
            break
        header += one
        if len(header) == 5 and header != b"HTTP/":
            break
    return bytes(header)


def _kind(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).rstrip(".")
