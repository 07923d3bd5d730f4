"""The sandbox as a whole: its folder, its doors, its beginning and end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from sandbox.authorization import Authorization
from sandbox.certificates import server_context, signing_key
from sandbox.consent_page import ConsentPage
from sandbox.consumers import Consumers
from sandbox.control_door import ControlDoor
from sandbox.device_page import DevicePage
from sandbox.directory import Directory
from sandbox.entra import Entra
from sandbox.ews import Ews
from sandbox.faults import Faults
from sandbox.graph import Graph
from sandbox.ledger import Ledger
from sandbox.mail_loop import MailLoop
from sandbox.mailbox_page import ROOT, MailboxPage
from sandbox.onprem import Logins
from sandbox.records import EXCHANGE, GRAPH
from sandbox.relay import MailDoors, Relay
from sandbox.routes import Routes
from sandbox.sign_in_page import SignInPage
from sandbox.smtp import Submission
from sandbox.tokens import Tokens
from sandbox.web import Request, Response, WebServer


class Sandbox:
    """A Microsoft 365 on loopback. Everything it knows is kept in `folder`; port 0 takes any free port.

    With a `key`, its own pages and its control door open to that key alone. With `fsync` the ledger is on disk, not
    only with the operating system, before a client is answered.
    """

    def __init__(
        self,
        folder: Path,
        http_port: int = 0,
        smtp_port: int = 0,
        relay_port: int = 0,
        fsync: bool = True,
        key: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self.clouds_file = folder / "clouds.toml"
        self.smtp_host = self.relay_host = "localhost"
        self.directory = Directory(folder / "directory.json")
        context = server_context(folder)
        tokens = Tokens(signing_key(folder))
        self._routes: Routes | None = None
        self._web = WebServer(self._answer, context, http_port)
        self._mail = MailLoop()
        self.ledger = Ledger(folder / "ledger.jsonl", fsync)
        self.faults = Faults(self.ledger)
        try:
            mail = MailDoors(self.directory, tokens, self.faults, self.ledger, context, self._mail)
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
            ControlDoor(self.directory, self.faults, self.ledger),
            key,
        )

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cuts what is open, ends every thread. The folder stays: a sandbox started in it is the same one."""
        self.faults.closing.set()
        self._web.close()
        self._mail.close()
        self.ledger.close()

    def _answer(self, request: Request) -> Response:
        # The port is open a moment before the doors, whose URLs name it, exist.
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
