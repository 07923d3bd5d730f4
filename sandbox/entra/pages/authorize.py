"""The authorization endpoint, where people sign in with their work account.

Errors about the application or its redirect URI are shown on a page; all others are returned to the application.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

from sandbox.entra.authorization_code import Authorization, AuthorizationRequest
from sandbox.entra.errors import ERRORS, EntraRefusal, ErrorSubject, described
from sandbox.server.html import page
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.models import SandboxApp, SandboxPerson

SHARED = ("common", "organizations")


class SignInPage:
    """The sign-in page."""

    def __init__(self, base_url: str, directory: Directory, authorization: Authorization) -> None:
        self._base_url = base_url
        self._directory = directory
        self._authorization = authorization

    def answer(self, name: str, request: Request) -> Response:
        """GET shows the accounts; POST redirects to the application with a code or an error."""
        try:
            app = self._app(name, request.query)
        except EntraRefusal as refusal:
            text = escape(refusal.text())
            return page("Sorry, but we’re having trouble signing you in.", f"<p>AADSTS{refusal.code}: {text}</p>", 400)
        try:
            asked = _asked(app, request.query)
            if request.query.get("prompt") == "none":
                raise EntraRefusal(50058)
            people = self._people(name)
            if request.method != "POST":
                return _choose(app, people, request.query.get("login_hint", ""))
            return self._decide(request, asked, people)
        except EntraRefusal as refusal:
            return _redirect(request.query, self._error(refusal))

    def _app(self, name: str, query: dict[str, str]) -> SandboxApp:
        """The application, whose redirect URI is checked. Raises EntraRefusal."""
        for parameter in ("client_id", "redirect_uri"):
            if not query.get(parameter):
                raise EntraRefusal(900144, value=parameter)
        app = self._directory.find_app(query["client_id"])
        tenant = self._directory.find_tenant(name)
        if tenant is None and name not in SHARED:
            raise EntraRefusal(90002, value=name)
        subject = ErrorSubject(query["client_id"], app.name if app else "", tenant.name if tenant else name)
        if app is None or (tenant and tenant.directory_id != app.tenant_id and not app.multi_tenant):
            raise EntraRefusal(700016, subject)
        if tenant is None and not app.multi_tenant:
            raise EntraRefusal(50194, subject)
        uri = query["redirect_uri"]
        if urlsplit(uri).scheme not in ("http", "https") or (app.redirect_uris and uri not in app.redirect_uris):
            raise EntraRefusal(50011, subject, uri)
        if app.disabled:
            raise EntraRefusal(7000112, subject)
        return app

    def _people(self, name: str) -> list[SandboxPerson]:
        tenant = self._directory.find_tenant(name)
        return self._directory.people(tenant.directory_id if tenant else None)

    def _decide(self, request: Request, asked: AuthorizationRequest, people: list[SandboxPerson]) -> Response:
        form = request.form()
        if form.get("decision") != "accept":
            raise EntraRefusal(65004, ErrorSubject(asked.app.client_id, asked.app.name))
        person = next((one for one in people if one.object_id == form.get("account")), None)
        if person is None:
            return _choose(asked.app, people, "", "This username may be incorrect. Make sure you typed it correctly.")
        if person.disabled:
            return _choose(asked.app, people, person.username, f"AADSTS50057: {ERRORS[50057].text}")
        return _redirect(request.query, {"code": self._authorization.grant(asked, person)})

    def _error(self, refusal: EntraRefusal) -> dict[str, str]:
        told = {"error": ERRORS[refusal.code].error, "error_description": described(refusal.code, refusal.text())}
        if refusal.code == 65004:
            told |= {"error": "access_denied", "error_subcode": "cancel"}
        return {**told, "error_uri": f"{self._base_url}/error?code={refusal.code}"}


def _asked(app: SandboxApp, query: dict[str, str]) -> AuthorizationRequest:
    """Parse the request. Raises EntraRefusal."""
    subject = ErrorSubject(app.client_id, app.name)
    for parameter in ("response_type", "scope"):
        if not query.get(parameter):
            raise EntraRefusal(900144, subject, parameter)
    if query["response_type"] != "code":
        raise EntraRefusal(700054, subject, query["response_type"])
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "plain")
    if challenge and method not in ("S256", "plain"):
        raise EntraRefusal(50149, subject)
    scopes = query["scope"].split()
    return AuthorizationRequest(app, query["redirect_uri"], scopes, query.get("nonce", ""), challenge, method)


def _choose(app: SandboxApp, people: list[SandboxPerson], hint: str, sorry: str = "") -> Response:
    accounts = "".join(
        f'<option value="{one.object_id}"{" selected" if one.username.lower() == hint.lower() else ""}>'
        f"{escape(one.name)} ({escape(one.username)})</option>"
        for one in people
    )
    return page(
        "Pick an account",
        f"<p>{escape(sorry)}</p><p>to continue to <strong>{escape(app.name)}</strong></p>"
        f'<form method="post"><p><label>Account <select name="account">{accounts}</select></label></p>'
        '<button name="decision" value="accept">Sign in</button>'
        '<button name="decision" value="cancel">Cancel</button></form>',
        422 if sorry else 200,
    )


def _redirect(query: dict[str, str], answer: dict[str, str]) -> Response:
    """Redirect to the application with its state."""
    uri = query["redirect_uri"]
    state = {"state": query["state"]} if "state" in query else {}
    return Response(302, headers={"Location": f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(answer | state)}"})
