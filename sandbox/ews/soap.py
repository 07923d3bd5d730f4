"""Exchange's SOAP: parsing of requests, and writing of responses and faults.

Source: Microsoft's EWS reference (types.xsd, messages.xsd) and the requests of real clients.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

from sandbox.state.mail_facts import Address, Draft

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
NAMES = {"s": SOAP, "t": TYPES, "m": MESSAGES}
VERSION = (
    f'<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9000" MinorBuildNumber="12" '
    f'Version="V2018_01_08" xmlns:h="{TYPES}"/>'
)
PR_INTERNET_MESSAGE_ID = 0x1035
QUOTES = {'"': "&quot;"}


class NotSoap(ValueError):
    """The body is not a SOAP request that Exchange would accept."""


@dataclass(slots=True)
class SoapItem:
    """One message of a CreateItem: as MIME or as single fields."""

    mime: bytes | None
    draft: Draft


@dataclass(slots=True)
class SoapCall:
    """`impersonated` is the SMTP address (or principal name) of the ExchangeImpersonation header."""

    operation: str
    impersonated: str | None
    disposition: str
    items: list[SoapItem]
    folders: list[str]
    """names of the distinguished folders that a GetFolder asks for"""


def read_call(body: bytes) -> SoapCall:
    """Parse a request. Raises NotSoap."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        envelope = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise NotSoap(str(error)) from None
    operation = envelope.find("s:Body/*", NAMES)
    if envelope.tag != f"{{{SOAP}}}Envelope" or operation is None:
        raise NotSoap("The request failed schema validation: no SOAP body.")
    sid = envelope.find("s:Header/t:ExchangeImpersonation/t:ConnectingSID/*", NAMES)
    items = operation.findall("m:Items/t:Message", NAMES)
    try:
        read = [_item(item) for item in items]
    except binascii.Error:
        raise NotSoap("The request failed schema validation: invalid base64.") from None
    return SoapCall(
        operation=etree.QName(operation).localname,
        impersonated=(sid.text or "").strip() if sid is not None else None,
        disposition=operation.get("MessageDisposition", ""),
        items=read,
        folders=[one.get("Id", "") for one in operation.findall("m:FolderIds/t:DistinguishedFolderId", NAMES)],
    )


def _item(item: etree._Element) -> SoapItem:
    mime = item.findtext("t:MimeContent", None, NAMES)
    body = item.find("t:Body", NAMES)
    draft = Draft(
        subject=item.findtext("t:Subject", "", NAMES) or "",
        body=(body.text or "") if body is not None else "",
        html=body is not None and body.get("BodyType") == "HTML",
        sender=next(iter(_people(item, "From")), None),
        to=_people(item, "ToRecipients"),
        cc=_people(item, "CcRecipients"),
        bcc=_people(item, "BccRecipients"),
        reply_to=_people(item, "ReplyTo"),
        message_id=item.findtext("t:InternetMessageId", None, NAMES),
        attachments=_attachments(item),
    )
    for extended in item.findall("t:ExtendedProperty", NAMES):
        _read_extended(extended, draft)
    return SoapItem(base64.b64decode("".join(mime.split()), validate=True) if mime else None, draft)


def _read_extended(extended: etree._Element, draft: Draft) -> None:
    uri, value = extended.find("t:ExtendedFieldURI", NAMES), extended.findtext("t:Value", "", NAMES)
    if uri is None:
        return
    if int(uri.get("PropertyTag", "0"), 0) == PR_INTERNET_MESSAGE_ID:
        draft.message_id = value
    elif uri.get("DistinguishedPropertySetId") == "InternetHeaders" and uri.get("PropertyName"):
        draft.headers.append((uri.get("PropertyName", ""), value))


def _people(item: etree._Element, name: str) -> list[Address]:
    return [
        (box.findtext("t:Name", "", NAMES) or "", box.findtext("t:EmailAddress", "", NAMES) or "")
        for box in item.findall(f"t:{name}/t:Mailbox", NAMES)
    ]


def _attachments(item: etree._Element) -> list[tuple[str, str, bytes]]:
    return [
        (
            one.findtext("t:Name", "attachment", NAMES),
            one.findtext("t:ContentType", "application/octet-stream", NAMES),
            base64.b64decode(one.findtext("t:Content", "", NAMES)),
        )
        for one in item.findall("t:Attachments/t:FileAttachment", NAMES)
    ]


def created(outcomes: list[tuple[str, str] | None]) -> bytes:
    """A CreateItemResponse; each outcome is None (sent) or an error's code and text."""
    messages = "".join(_created_one(outcome) for outcome in outcomes)
    return _envelope(
        f'<m:CreateItemResponse xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>{messages}'
        "</m:ResponseMessages></m:CreateItemResponse>"
    )


def found_folders(names: list[str]) -> bytes:
    """A GetFolderResponse: each folder is empty, and its id is its name."""
    messages = "".join(
        '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>'
        f'<t:Folder><t:FolderId Id="{escape(name, QUOTES)}" ChangeKey="AQ=="/><t:FolderClass>IPF.Note</t:FolderClass>'
        f"<t:DisplayName>{escape(name)}</t:DisplayName><t:TotalCount>0</t:TotalCount>"
        "<t:ChildFolderCount>0</t:ChildFolderCount><t:UnreadCount>0</t:UnreadCount></t:Folder></m:Folders>"
        "</m:GetFolderResponseMessage>"
        for name in names
    )
    return _envelope(
        f'<m:GetFolderResponse xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>{messages}'
        "</m:ResponseMessages></m:GetFolderResponse>"
    )


def _created_one(outcome: tuple[str, str] | None) -> str:
    if outcome is None:
        inner, kind = "<m:ResponseCode>NoError</m:ResponseCode><m:Items/>", "Success"
    else:
        code, text = outcome
        inner = (
            f"<m:MessageText>{escape(text)}</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>"
            "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Items/>"
        )
        kind = "Error"
    return f'<m:CreateItemResponseMessage ResponseClass="{kind}">{inner}</m:CreateItemResponseMessage>'


def fault(code: str, text: str, values: dict[str, str] | None = None) -> bytes:
    """A SOAP fault; MessageXml has the `values` (BackOffMilliseconds, SmtpAddress)."""
    spoken = "".join(f'<t:Value Name="{escape(k)}">{escape(v)}</t:Value>' for k, v in (values or {}).items())
    more = f'<t:MessageXml xmlns:t="{TYPES}">{spoken}</t:MessageXml>' if spoken else ""
    content = (
        f'<s:Fault><faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">{escape(text)}'
        f'</faultstring><detail><e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">{escape(text)}</e:Message>{more}</detail></s:Fault>'
    )
    return _envelope(content, header=False)


def _envelope(content: str, header: bool = True) -> bytes:
    head = f"<s:Header>{VERSION}</s:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}">{head}'
        '<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f"{content}</s:Body></s:Envelope>"
    ).encode()
