"""The admin consent page, and the redirect to the app.

Source: Microsoft identity platform, "Admin consent" (v2.0 endpoint) and "client credentials flow" (v1 endpoint).
"""

from __future__ import annotations

import uuid
from html import escape
from urllib.parse import urlencode, urlsplit

from sandbox.entra.errors import ERRORS, EntraRefusal, ErrorSubject
from sandbox.server.html import page
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.models import SandboxApp, resource_of

SHARED = ("organizations", "common")


class ConsentPage:
    """The admin consent endpoint, version 1 and 2."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def answer(self, name: str, request: Request, version_2: bool) -> Response:
        """GET shows the requested permissions; POST grants or declines them and redirects to the redirect URI."""
        asked = request.query
        app = self._directory.find_app(asked.get("client_id", ""))
        if app is None:
            return _error_page(700016, ErrorSubject(asked.get("client_id", ""), tenant=name))
        back = asked.get("redirect_uri", "")
        if urlsplit(back).scheme not in ("http", "https") or (app.redirect_uris and back not in app.redirect_uris):
            return page(
                "Sign in",
                f"<p>AADSTS50011: The redirect URI '{escape(back)}' specified in the request does "
                f"not match the redirect URIs configured for the application '{app.client_id}'.</p>",
                400,
            )
        scope = asked.get("scope", "")
        if version_2 and not scope:
            return _error_page(900144, value="scope")
        if name not in SHARED and self._directory.find_tenant(name) is None:
            return _error_page(90002, value=name)
        wanted = [one for one in app.wanted if not version_2 or _asked_for(scope, one)]
        if request.method == "POST":
            return self._decide(name, request, app, wanted, version_2)
        return self._ask(name, app, wanted)

    def _ask(self, name: str, app: SandboxApp, wanted: list[str]) -> Response:
        known = self._directory.find_tenant(name)
        tenants = [known] if known else self._directory.tenants()
        choices = "".join(
            f'<option value="{one.directory_id}">{escape(one.name)} ({escape(one.domain)})</option>' for one in tenants
        )
        listed = "".join(f"<li><code>{escape(one)}</code> on {escape(resource_of(one))}</li>" for one in wanted)
        return page(
            "Permissions requested: review for your organization",
            f"<p><strong>{escape(app.name)}</strong> ({app.client_id}) would like to:</p><ul>{listed}</ul>"
            f'<form method="post"><p><label>Sign in as an administrator of <select name="tenant">{choices}</select>'
            '</label></p><button name="decision" value="accept">Accept</button>'
            '<button name="decision" value="cancel">Cancel</button></form>',
        )

    def _decide(self, name: str, request: Request, app: SandboxApp, wanted: list[str], version_2: bool) -> Response:
        form = request.form()
        tenant = self._directory.find_tenant(form.get("tenant") or name)
        if tenant is None:
            return _error_page(90002, value=form.get("tenant", name))
        state = {"state": request.query["state"]} if "state" in request.query else {}
        if form.get("decision") != "accept":
            return _redirect(request, {**_declined(version_2), **state})
        with self._directory.batch():
            self._directory.install(app, tenant)
            for permission in wanted:
                self._directory.grant(app, permission, tenant)
        scope = {"scope": request.query["scope"]} if version_2 else {}
        return _redirect(request, {"admin_consent": "True", "tenant": tenant.directory_id, **scope, **state})


def _asked_for(scope: str, permission: str) -> bool:
    """Whether the scope includes an application permission, which is only requested by the resource's .default."""
    return f"{resource_of(permission)}/.default" in scope.split()


def _declined(version_2: bool) -> dict[str, str]:
    """The parameters after a refusal. Version 2 contains admin_consent=True also here, besides `error`."""
    if not version_2:
        return {"error": "permission_denied", "error_description": "The admin canceled the request"}
    text = "AADSTS65004: User declined to consent to access the app."
    return {
        "admin_consent": "True",
        "error": "access_denied",
        "error_description": f"{text} Trace ID: {uuid.uuid4()}",
        "error_uri": "https://login.microsoftonline.com/error?code=65004",
    }


def _redirect(request: Request, answer: dict[str, str]) -> Response:
    uri = request.query["redirect_uri"]
    return Response(302, headers={"Location": f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode(answer)}"})


def _error_page(code: int, subject: ErrorSubject | None = None, value: str = "") -> Response:
    text = EntraRefusal(code, subject or ErrorSubject(), value).text(ERRORS[code])
    return page("Sorry, but we’re having trouble signing you in.", f"<p>AADSTS{code}: {escape(text)}</p>", 400)
