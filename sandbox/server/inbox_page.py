"""Pages that show received mail: a list of mailboxes, the mail of one, one message. Mail is untrusted content."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from urllib.parse import quote

from sandbox.ledger import Entry, Ledger
from sandbox.server.html import page
from sandbox.server.http_server import Request, Response

ROOT = "/_sandbox/mailbox/"
NEWEST = 200
FOREIGN_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class MailboxPage:
    """The pages under `ROOT`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def answer(self, request: Request) -> Response:
        """Answer `/`, `/ADDRESS`, `/message/NUMBER` and `/message/NUMBER/html` under `ROOT`."""
        parts = request.path.removeprefix(ROOT).strip("/").split("/")
        if parts == [""]:
            return self._overview()
        if parts[0] != "message":
            return self._mailbox(parts[0])
        number = parts[1] if len(parts) > 1 else ""
        found = next((one for one in self._ledger.messages() if str(one["number"]) == number), None)
        if found is None:
            return page("No such message", f'<p><a href="{ROOT}">All mailboxes</a></p>', 404)
        return _foreign_html(found) if parts[2:] == ["html"] else _message(found)

    def _overview(self) -> Response:
        messages = self._ledger.messages()
        counts: dict[str, int] = {}
        for message in messages:
            for address in message["to"]:
                counts[address.lower()] = counts.get(address.lower(), 0) + 1
        boxes = "".join(
            f'<tr><td><a href="{ROOT}{quote(address)}">{escape(address)}</a></td><td>{count}</td></tr>'
            for address, count in sorted(counts.items())
        )
        content = (
            f"<table><thead><tr><th>Recipient</th><th>Messages</th></tr></thead><tbody>{boxes}</tbody></table>"
            f"<h2>Newest first</h2>{_table(messages)}"
        )
        return page("Mailboxes of the sandbox", content if messages else "<p>Nothing has arrived yet.</p>")

    def _mailbox(self, address: str) -> Response:
        wanted = address.lower()
        mine = [one for one in self._ledger.messages() if wanted in (to.lower() for to in one["to"])]
        content = _table(mine) if mine else "<p>Nothing has arrived here yet.</p>"
        return page(address, f'<p><a href="{ROOT}">All mailboxes</a></p>{content}')


def _table(messages: list[Entry]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one['at'][:19])}</td><td>{escape(one['service'])}</td><td>{escape(one['from'])}</td>"
        f"<td>{escape(', '.join(one['to']))}</td>"
        f'<td><a href="{ROOT}message/{one["number"]}">{escape(one["subject"] or "(no subject)")}</a></td></tr>'
        for one in reversed(messages[-NEWEST:])
    )
    heads = "".join(f"<th>{head}</th>" for head in ("Time (UTC)", "Service", "From", "To", "Subject"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _message(entry: Entry) -> Response:
    facts = {
        "From": entry["from"],
        "To": ", ".join(entry["to"]),
        "Time (UTC)": entry["at"],
        "Service": entry["service"],
        "Message-ID": entry["message_id"],
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    content = f'<p><a href="{ROOT}">All mailboxes</a></p><dl>{listed}</dl>'
    text, html = bodies(entry["mime"])
    if text:
        content += f"<h2>Text</h2><pre>{escape(text)}</pre>"
    if html:
        source = f"{ROOT}message/{entry['number']}/html"
        content += f'<h2>HTML</h2><iframe sandbox="" title="The message as HTML" src="{source}"></iframe>'
    for name, kind, attached in attachments(entry["mime"]):
        content += f"<h2>{escape(name)}</h2><p>{escape(kind)}, {len(attached)} bytes</p>"
        if kind.startswith("text/"):
            content += f"<pre>{escape(attached.decode('utf-8', 'replace'))}</pre>"
    return page(entry["subject"] or "(no subject)", content)


def _foreign_html(entry: Entry) -> Response:
    """The message's HTML with a policy without scripts, forms and external resources, in an origin of its own."""
    _, html = bodies(entry["mime"])
    headers = {"Content-Security-Policy": FOREIGN_POLICY, "X-Content-Type-Options": "nosniff"}
    return Response.of_html(html, headers=headers)


def bodies(mime: str) -> tuple[str, str]:
    """Text and HTML of a message; empty if missing."""
    message = message_from_bytes(mime.encode(), EmailMessage, policy=policy.default)
    found = []
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        content = part.get_content() if part is not None else ""
        found.append(content if isinstance(content, str) else "")
    return found[0], found[1]


def attachments(mime: str) -> list[tuple[str, str, bytes]]:
    """The attachments: name, content type with its parameters, content."""
    message = message_from_bytes(mime.encode(), EmailMessage, policy=policy.default)
    found = []
    for part in message.walk():
        content = part.get_payload(decode=True) if part.is_attachment() else None
        if isinstance(content, bytes):
            found.append((part.get_filename() or "", str(part["Content-Type"] or ""), content))
    return found
