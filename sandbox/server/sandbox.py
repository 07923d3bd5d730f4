"""The sandbox: starts and stops all services on one folder."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from sandbox.control.control_endpoint import ControlEndpoint
from sandbox.entra.authorization_code import Authorization
from sandbox.entra.entra_endpoints import Entra
from sandbox.entra.pages.admin_consent import ConsentPage
from sandbox.entra.pages.authorize import SignInPage
from sandbox.entra.pages.device_login import DevicePage
from sandbox.entra.personal_accounts import Consumers
from sandbox.entra.tokens import Tokens
from sandbox.ews.ews_endpoint import Ews
from sandbox.ews.ntlm_basic_auth import Logins
from sandbox.faults import Faults
from sandbox.graph.graph_endpoint import Graph
from sandbox.ledger import Ledger
from sandbox.server.certificates import server_context, signing_key
from sandbox.server.http_server import Request, Response, WebServer
from sandbox.server.inbox_page import ROOT, MailboxPage
from sandbox.server.router import Routes
from sandbox.smtp.event_loop import MailLoop
from sandbox.smtp.relay import Relay, SmtpContext
from sandbox.smtp.submission import Submission
from sandbox.state.directory import Directory
from sandbox.state.models import EXCHANGE, GRAPH


class Sandbox:
    """A simulated Microsoft 365 on loopback. Its state is stored in `folder`; port 0 takes any free port.

    A `key` protects its own pages and its control endpoint. `fsync`: flush the ledger to disk before each response.
    Without `persist` the directory is in memory only.
    """

    def __init__(
        self,
        folder: Path,
        http_port: int = 0,
        smtp_port: int = 0,
        relay_port: int = 0,
        fsync: bool = True,
        key: str = "",
        persist: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self.clouds_file = folder / "clouds.toml"
        self.smtp_host = self.relay_host = "localhost"
        self.directory = Directory(folder / "directory.json", persist)
        context = server_context(folder)
        tokens = Tokens(signing_key(folder))
        self._routes: Routes | None = None
        self._web = WebServer(self._answer, context, http_port)
        self._mail = MailLoop()
        self.ledger = Ledger(folder / "ledger.jsonl", fsync)
        self.faults = Faults(self.ledger)
        try:
            mail = SmtpContext(self.directory, tokens, self.faults, self.ledger, context, self._mail)
            self.smtp_port = self._mail.serve(lambda: Submission(mail), smtp_port)
            self.relay_port = self._mail.serve(lambda: Relay(mail), relay_port)
        except OSError:
            self._web.close()
            self._mail.close()
            self.ledger.close()
            raise
        self.url = f"https://localhost:{self._web.port}"
        self.mailbox_page = f"{self.url}{ROOT}" + (f"?key={key}" if key else "")
        self.consumers = Consumers(self.url, self.directory, tokens)
        self.authorization = Authorization(self.url, self.directory, tokens)
        fresh = folder / "clouds.new"
        fresh.write_text(self._clouds(), encoding="utf-8")
        fresh.replace(self.clouds_file)
        self._routes = Routes(
            Entra(self.url, self.directory, tokens, self.consumers, self.authorization, self.faults, self.ledger),
            ConsentPage(self.directory),
            DevicePage(self.directory, self.consumers),
            SignInPage(self.url, self.directory, self.authorization),
            Graph(self.directory, tokens, self.faults, self.ledger),
            Ews(self.directory, tokens, Logins(self.directory), self.faults, self.ledger),
            MailboxPage(self.ledger),
            ControlEndpoint(self.directory, self.faults, self.ledger),
            key,
        )

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and end all threads. A sandbox started in the same folder has the same state."""
        self.faults.closing.set()
        self._web.close()
        self._mail.close()
        self.ledger.close()

    def _answer(self, request: Request) -> Response:
        # The port opens before the services are created, since their URLs contain it.
        return self._routes.answer(request) if self._routes else Response(503)

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
            "\n"
            "[onprem]\n"
            'label = "Sandbox, Exchange on premises"\n'
            "on_premises = true\n"
            f'ews = "{self.url}/onprem/EWS/Exchange.asmx"\n'
            'ca_file = "ca.pem"\n'
        )
