"""The application permissions that sending mail needs: one for each transport.

A token names a granted permission by its *value* in the `roles` claim. Published ids are not reliable, so no decision
depends on an id; ids only appear in the manifest. Sources: Microsoft Graph permissions reference; "Authenticate an EWS
application by using OAuth"; "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.stored_values import known


class TransportName(models.TextChoices):
    GRAPH = "graph", _("Microsoft Graph")
    EWS = "ews", _("Exchange Web Services (EWS)")
    SMTP = "smtp", _("SMTP AUTH (XOAUTH2)")


def transport_label(name: str) -> str:
    """The stored name itself for a transport that this version does not know."""
    transport = known(TransportName, name)
    return str(transport.label) if transport else name


class Permission(models.TextChoices):
    MAIL_SEND = "Mail.Send", "Mail.Send"
    FULL_ACCESS = "full_access_as_app", "full_access_as_app"
    SMTP_SEND = "SMTP.SendAsApp", "SMTP.SendAsApp"


PERMISSION_OF = {
    TransportName.GRAPH: Permission.MAIL_SEND,
    TransportName.EWS: Permission.FULL_ACCESS,
    TransportName.SMTP: Permission.SMTP_SEND,
}


TENANT_WIDE = frozenset({Permission.MAIL_SEND, Permission.FULL_ACCESS})
"""Permissions that apply to every mailbox of the tenant. SMTP.SendAsApp applies only to mailboxes that Exchange grants
to the app as well."""
OPTIONAL = {Permission.MAIL_SEND: "Mail.ReadWrite"}
"""An additional permission that may be granted beside one. With Mail.ReadWrite a message is stored as a draft before it
is sent, so that it can be looked up after an unclear answer and is never sent twice."""


class Resource(models.TextChoices):
    GRAPH = "graph", "Microsoft Graph"
    EXCHANGE = "exchange", "Office 365 Exchange Online"


RESOURCE_OF = {
    Permission.MAIL_SEND: Resource.GRAPH,
    Permission.FULL_ACCESS: Resource.EXCHANGE,
    Permission.SMTP_SEND: Resource.EXCHANGE,
}
