"""A short reason why a server could not be reached. The exceptions' own messages contain addresses and are too long."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from socket import gaierror

import requests
from django.utils.translation import gettext_noop
from urllib3.exceptions import NameResolutionError

from mailer.http.outbound_proxy import OutboundProxyError


def reason(error: BaseException) -> str:
    """The reason in English; the caller translates it when it shows it."""
    causes = list(_causes(error))
    if any(isinstance(cause, OutboundProxyError) for cause in causes):
        return gettext_noop("the outbound proxy did not let the connection through")
    if any(isinstance(cause, (ssl.SSLError, requests.exceptions.SSLError)) for cause in causes):
        return gettext_noop("its certificate is not to be trusted")
    if any(isinstance(cause, (gaierror, NameResolutionError)) for cause in causes):
        return gettext_noop("its name is not known")
    if any(isinstance(cause, (TimeoutError, requests.Timeout)) for cause in causes):
        return gettext_noop("no answer in time")
    return gettext_noop("no connection")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors that it wraps as its cause, its context, its `reason` or an argument."""
    yield error
    for cause in (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args):
        if isinstance(cause, BaseException):
            yield from _causes(cause)
