"""The sandbox as a whole: its folder, its doors, its beginning and end."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType

from sandbox.certificates import server_context, signing_key
from sandbox.directory import Directory
from sandbox.entra import Entra
from sandbox.ews import Ews
from sandbox.faults import Faults
from sandbox.graph import Graph
from sandbox.ledger import Ledger
from sandbox.onprem import Logins
from sandbox.records import EXCHANGE, GRAPH
from sandbox.smtp import MailDoors
from sandbox.tokens import Tokens
from sandbox.web import Request, Response, WebServer

TENANT = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<door>v2\.0/\.well-known/openid-configuration|\.well-known/openid-configuration"
    r"|discovery/v2\.0/keys|oauth2/v2\.0/token|v2\.0/adminconsent|adminconsent)"
)
SEND_MAIL = re.compile(r"/graph/(?:v1\.0|beta)/users/(?P<user>[^/]+)/(?:microsoft\.graph\.)?sendMail", re.IGNORECASE)


class Sandbox:
    """A Microsoft 365 on loopback. Everything it knows is kept in `folder`; port 0 takes any free port."""

    def __init__(
        self, folder: Path, http_port: int = 0, smtp_port: int = 0, relay_port: int = 0, fsync: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.directory = Directory(folder / "directory.json")
        self.faults = Faults()
        self.ledger = Ledger(folder / "ledger.jsonl", fsync)
        self.ca_file = folder / "ca.pem"
        self.clouds_file = folder / "clouds.toml"
        context = server_context(folder)
        self._tokens = Tokens(signing_key(folder))
        self._web = WebServer(self._route, context, http_port)
        self.url = f"https://localhost:{self._web.port}"
        self._entra = Entra(self.url, self.directory, self._tokens, self.faults, self.ledger)
        self._graph = Graph(self.directory, self._tokens, self.faults, self.ledger)
        self._ews = Ews(self.directory, self._tokens, Logins(self.directory), self.faults, self.ledger)
        self._mail = MailDoors(self.directory, self._tokens, self.faults, self.ledger, context)
        self.smtp_host = self.relay_host = "localhost"
        self.smtp_port, self.relay_port = self._mail.listen(smtp_port, relay_port)
        self.clouds_file.write_text(self._clouds(), encoding="utf-8")

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.faults.closing.set()
        self._web.close()
        self._mail.loop.close()
        self.ledger.close()

    def _clouds(self) -> str:
        return (
            "[lab]\n"
            'label = "Sandbox"\n'
            f'authority = "{self.url}"\n'
            f'graph = "{self.url}/graph"\n'
            f'ews = "{self.url}/EWS/Exchange.asmx"\n'
            f'smtp = "{self.smtp_host}:{self.smtp_port}"\n'
            f'exchange_resource = "{EXCHANGE}"\n'
            f'graph_resource = "{GRAPH}"\n'
            'ca_file = "ca.pem"\n'
        )

    def _route(self, request: Request) -> Response:
        if found := SEND_MAIL.fullmatch(request.path):
            return self._graph.send_mail(found["user"], request)
        if request.path.startswith("/graph/"):
            return self._graph.unknown(request)
        if request.path.lower() == "/ews/exchange.asmx":
            return self._ews.online(request)
        if request.path.lower() == "/onprem/ews/exchange.asmx":
            return self._ews.on_premises(request)
        if request.path == "/common/discovery/instance":
            return self._entra.instance_discovery(request)
        if found := TENANT.fullmatch(request.path):
            tenant, door = found["tenant"], found["door"]
            if door.endswith("openid-configuration"):
                return self._entra.discovery(tenant, request)
            if door.endswith("keys"):
                return self._entra.keys()
            if door.endswith("token"):
                return self._entra.token(tenant, request)
        return Response(404)
