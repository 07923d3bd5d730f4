"""Routes requests to the services by their path."""

from __future__ import annotations

import re

from sandbox.control.control_endpoint import ControlEndpoint
from sandbox.entra.entra_endpoints import Entra
from sandbox.entra.errors import explanation
from sandbox.entra.pages.admin_consent import ConsentPage
from sandbox.entra.pages.authorize import SignInPage
from sandbox.entra.pages.device_login import PATH as DEVICE_PAGE
from sandbox.entra.pages.device_login import DevicePage
from sandbox.ews.ews_endpoint import Ews
from sandbox.graph.graph_endpoint import ME, Graph
from sandbox.server.html import page, style_sheet
from sandbox.server.http_server import Request, Response
from sandbox.server.inbox_page import ROOT, MailboxPage
from sandbox.server.page_lock import PageLock

METADATA = re.compile(r"/([^/]+)/(?:v2\.0/)?\.well-known/openid-configuration")
KEYS = re.compile(r"/[^/]+/discovery/(?:v2\.0/)?keys")
TOKEN = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
AUTHORIZE = re.compile(r"/([^/]+)/oauth2/v2\.0/authorize")
DEVICE_CODE = re.compile(r"/([^/]+)/oauth2/v2\.0/devicecode")
CONSENT = re.compile(r"/([^/]+)/(v2\.0/)?adminconsent")
MAIL = re.compile(r"/graph/(?:v1\.0|beta)/(?:users/([^/]+)|me)/(.+)", re.IGNORECASE)
CONTROL = re.compile(r"/_sandbox/(directory|faults|ledger)/([a-z_]+)")


class Routes:
    """The routes to the services."""

    def __init__(
        self,
        entra: Entra,
        consent: ConsentPage,
        device: DevicePage,
        sign_in: SignInPage,
        graph: Graph,
        ews: Ews,
        mailboxes: MailboxPage,
        control: ControlEndpoint,
        key: str,
    ) -> None:
        self._entra = entra
        self._consent = consent
        self._device = device
        self._sign_in = sign_in
        self._graph = graph
        self._ews = ews
        self._mailboxes = mailboxes
        self._control = control
        self._lock = PageLock(key)

    def answer(self, request: Request) -> Response:
        path = request.path
        if path == "/graph/oidc/userinfo":
            return self._entra.user_info(request)
        if path.startswith("/graph/"):
            found = MAIL.fullmatch(path)
            return self._graph.answer(found[1] or ME, found[2], request) if found else self._graph.unknown(request)
        if path.lower() == "/ews/exchange.asmx":
            return self._ews.online(request)
        if path.lower() == "/onprem/ews/exchange.asmx":
            return self._ews.on_premises(request)
        if path.startswith("/_sandbox/"):
            return self._own_page(request)
        return self._authority(request)

    def _authority(self, request: Request) -> Response:
        path = request.path
        if path == "/common/discovery/instance":
            return self._entra.instance_discovery(request)
        if found := TOKEN.fullmatch(path):
            return self._entra.token(found[1], request)
        if found := AUTHORIZE.fullmatch(path):
            return self._sign_in.answer(found[1], request)
        if found := DEVICE_CODE.fullmatch(path):
            return self._entra.device_code(found[1], request)
        if found := METADATA.fullmatch(path):
            return self._entra.discovery(found[1], request)
        if path == DEVICE_PAGE:
            return self._device.answer(request)
        if path == "/error":
            return explanation(request.query.get("code", ""))
        if KEYS.fullmatch(path):
            return self._entra.keys()
        if found := CONSENT.fullmatch(path):
            return self._consent.answer(found[1], request, version_2=found[2] is not None)
        return Response(404)

    def _own_page(self, request: Request) -> Response:
        if request.path == "/_sandbox/style.css":
            return style_sheet()
        if (refused := self._lock.refusal(request)) is not None:
            return refused
        if request.path.startswith(ROOT) or request.path == ROOT.rstrip("/"):
            return self._mailboxes.answer(request)
        if found := CONTROL.fullmatch(request.path):
            return self._control.answer(found[1], found[2], request)
        if request.path == "/_sandbox/":
            return page("The sandbox", f'<p><a href="{ROOT}">Mailboxes</a></p>')
        return Response(404)
