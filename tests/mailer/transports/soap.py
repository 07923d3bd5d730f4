"""SOAP responses of Exchange and of other servers."""

from __future__ import annotations

from tests.mailer.https_server import Answer, reply

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
VERSION = (
    f'<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9000" MinorBuildNumber="12" '
    f'Version="V2018_01_08" xmlns:h="{TYPES}"/>'
)


def created(
    code: str = "NoError",
    kind: str = "Success",
    *,
    text: str = "",
    items: str = "<m:Items/>",
    header: str = VERSION,
    declared: str = '<?xml version="1.0" encoding="utf-8"?>',
) -> str:
    """A CreateItemResponse with one message."""
    return (
        f'{declared}<s:Envelope xmlns:s="{SOAP}"><s:Header>{header}</s:Header><s:Body>'
        f'<m:CreateItemResponse xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>'
        f'<m:CreateItemResponseMessage ResponseClass="{kind}"><m:MessageText>{text}</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode>{items}</m:CreateItemResponseMessage>"
        "</m:ResponseMessages></m:CreateItemResponse></s:Body></s:Envelope>"
    )


def fault(code: str, text: str = "No.", values: dict[str, str] | None = None) -> str:
    spoken = "".join(f'<t:Value Name="{name}">{value}</t:Value>' for name, value in (values or {}).items())
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault>'
        f'<faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">{text}</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode><e:Message xmlns:e="{ERRORS}">{text}</e:Message>'
        f'<t:MessageXml xmlns:t="{TYPES}">{spoken}</t:MessageXml></detail></s:Fault></s:Body></s:Envelope>'
    )


def said(soap: str, status: int = 200, **headers: str) -> Answer:
    return reply(status, soap, Content_Type="text/xml; charset=utf-8", **headers)


def other_prefixes(soap: str) -> str:
    for mine, theirs in (("s", "SOAP-ENV"), ("m", "ns1"), ("t", "ns2")):
        soap = soap.replace(f"<{mine}:", f"<{theirs}:").replace(f"</{mine}:", f"</{theirs}:")
        soap = soap.replace(f"xmlns:{mine}=", f"xmlns:{theirs}=")
    return soap
