"""The page where a person enters a device code and accepts or declines, as www.microsoft.com/link."""

from __future__ import annotations

from html import escape

from sandbox.entra.personal_accounts import Consumers, PendingDeviceCode
from sandbox.server.html import page
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory

PATH = "/link"
MEANINGS = {
    "Mail.Send": "Send mail as you",
    "Mail.ReadWrite": "Read and write access to your mail",
    "SMTP.Send": "Send emails from mailboxes using SMTP AUTH",
    "User.Read": "View your basic profile",
    "offline_access": "Maintain access to data you have given it access to",
    "openid": "Sign you in",
    "profile": "View your basic profile",
}


class DevicePage:
    """The device login page."""

    def __init__(self, directory: Directory, consumers: Consumers) -> None:
        self._directory = directory
        self._consumers = consumers

    def answer(self, request: Request) -> Response:
        if request.method != "POST":
            return _enter()
        form = request.form()
        code = self._consumers.waiting(form.get("otc", ""))
        if code is None:
            return _enter("That code didn't work. Check the code and try again.")
        if "decision" not in form:
            return self._ask(code)
        account = self._directory.find_account(form.get("account", ""))
        if account is None:
            return self._ask(code, "That Microsoft account doesn't exist. Enter a different account.")
        self._consumers.decide(code, account, form["decision"])
        if form["decision"] == "accept":
            return page("You're all set", f"<p>{escape(account.address)} is signed in. You may close this page.</p>")
        return page("Sign-in was declined", "<p>Nothing was granted. You may close this page.</p>")

    def _ask(self, code: PendingDeviceCode, sorry: str = "") -> Response:
        accounts = "".join(f"<option>{escape(one.address)}</option>" for one in self._directory.accounts())
        scopes = dict.fromkeys(MEANINGS.get(one.rsplit("/", 1)[-1], one) for one in code.scope.split())
        listed = "".join(f"<li>{escape(one)}</li>" for one in scopes)
        return page(
            "Let this app access your info?",
            f"<p>{escape(sorry)}</p><p><strong>{escape(code.app.name)}</strong> needs your permission to:</p>"
            f'<ul>{listed}</ul><form method="post"><input type="hidden" name="otc" value="{code.user_code}">'
            f'<p><label>Sign in as <select name="account">{accounts}</select></label></p>'
            '<button name="decision" value="accept">Accept</button>'
            '<button name="decision" value="cancel">Cancel</button></form>',
            422 if sorry else 200,
        )


def _enter(sorry: str = "") -> Response:
    return page(
        "Enter code",
        f"<p>{escape(sorry)}</p>"
        '<form method="post"><p><label>Code displayed on your app or device <input name="otc" required '
        'autocomplete="off"></label></p><button>Allow access</button></form>',
        422 if sorry else 200,
    )
