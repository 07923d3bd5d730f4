"""Graph's responses: errors and message resources.

Source: Microsoft Graph documentation, "Microsoft Graph error responses", "message resource type".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses
from typing import Any

from sandbox.faults import Fault
from sandbox.server.http_server import Request, Response
from sandbox.state.mailbox_items import Item

FAULTS: dict[int, tuple[str, str]] = {
    400: ("ErrorInvalidRequest", "The request is invalid."),
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."),
    413: ("RequestEntityTooLarge", "Request Entity Too Large"),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("InternalServerError", "An internal server error occurred. The operation failed."),
    503: ("serviceNotAvailable", "The service is temporarily unavailable. Please try again later."),
    504: ("gatewayTimeout", "The server did not answer in time."),
}


@dataclass
class GraphRefusal(Exception):
    """An error of Graph."""

    status: int
    code: str
    message: str


def error(refusal: GraphRefusal, request: Request, request_id: str) -> Response:
    inner = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id,
        "client-request-id": request.headers.get("client-request-id", request_id),
    }
    body = {"error": {"code": refusal.code, "message": refusal.message, "innerError": inner}}
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = (
            'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
            'client_id="00000003-0000-0000-c000-000000000000"'
        )
    return Response.of_json(body, refusal.status, headers)


def fault_answer(fault: Fault, request: Request, request_id: str) -> Response:
    status = fault.status or 500
    code, text = FAULTS.get(status, ("UnknownError", "An error has occurred."))
    response = error(GraphRefusal(status, str(fault.code or code), text), request, request_id)
    if status == 429:
        response.headers["Retry-After"] = "10"
    return response


def resource(item: Item, request: Request) -> dict[str, Any]:
    """The message resource with the properties in `$select`, or with the default ones. Raises GraphRefusal."""
    whole = {
        "createdDateTime": item.created_at,
        "subject": item.facts["subject"],
        "internetMessageId": item.facts["message_id"],
        "isDraft": item.is_draft,
        "parentFolderId": f"AAMkAGI2-{item.folder}",
        "toRecipients": _recipients(item.facts["to"]),
    }
    selected = [name.strip() for name in request.query.get("$select", "").split(",") if name.strip()]
    if unknown := next((name for name in selected if name not in {*whole, "id"}), None):
        text = f"Could not find a property named '{unknown}' on type 'Microsoft.OutlookServices.Message'."
        raise GraphRefusal(400, "RequestBroker--ParseUri", text)
    return {
        "@odata.etag": f'W/"{item.number}.{item.moves}"',
        "id": item.id(immutable=wants_immutable_ids(request)),
        **{name: value for name, value in whole.items() if not selected or name in selected},
    }


def wants_immutable_ids(request: Request) -> bool:
    """Whether the request has `Prefer: IdType="ImmutableId"`."""
    return 'idtype="immutableid"' in request.headers.get("prefer", "").lower()


def _recipients(addresses: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {"emailAddress": {"name": name or address, "address": address}} for name, address in getaddresses(addresses)
    ]
