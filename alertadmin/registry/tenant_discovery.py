"""Lookup of a directory at Microsoft by a domain, an address or an id, with error messages for users."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin import network_errors
from alertadmin.registry import guid, input_validation
from alertadmin.registry.clouds import UnknownCloud, cloud_of, known_cloud
from alertadmin.registry.text import trimmed
from alertadmin.stored_messages import render_error
from mailer import tenant_discovery
from mailer.diagnosis import explain
from mailer.email_address import ascii_host
from mailer.errors import SendError


@dataclass(frozen=True)
class TenantFound:
    """`domain` is empty if the directory was looked up by its id."""

    directory_id: str
    domain: str


def find_directory(text: str, cloud: str) -> TenantFound:
    """Look up a directory. `text` is a domain, an e-mail address or a directory id; `cloud` a slug.

    Raises ValidationError.
    """
    name = ascii_host(trimmed(text).rpartition("@")[2].rstrip(".")).lower()
    if input_validation.is_personal(name):
        raise ValidationError(
            _(
                "%(name)s is for personal accounts, which belong to no directory. Such an account signs in "
                "with a code: Mailboxes, Personal account."
            ),
            code="personal",
            params={"name": name},
        )
    is_domain = input_validation.DOMAIN.fullmatch(name) is not None and not guid.is_guid(name)
    asked = name if is_domain else _check_id(name)
    try:
        found = tenant_discovery.find(asked, cloud_of(cloud))
    except UnknownCloud as error:
        raise ValidationError(render_error(error), code="unknown_cloud") from None
    except SendError as failure:
        if failure.cause == "proxy":
            raise _proxy_error(failure) from None
        if failure.cause in ("network", "tls"):
            raise _unreachable_error(failure, cloud) from None
        raise _discovery_error(failure, asked, cloud) from None
    if found.cloud and (other := known_cloud(found.cloud)):
        raise ValidationError(
            _("This directory is in another cloud: choose “%(cloud)s”."),
            code="other_cloud",
            params={"cloud": other.label},
        )
    return TenantFound(found.directory_id, name if is_domain else "")


def _check_id(text: str) -> str:
    try:
        return input_validation.check_directory_id(text)
    except ValidationError as error:
        if error.code == "shared_authority":
            raise
    raise ValidationError(
        _(
            "This is neither a domain, such as northpark.com, nor an ID, such as "
            "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed. Enter one of them only."
        ),
        code="neither",
    )


def _unreachable_error(failure: SendError, cloud: str) -> ValidationError:
    return ValidationError(
        _(
            "This machine could not reach %(host)s (%(why)s). Its administrator should check that this name resolves "
            "there and that no firewall or proxy blocks port 443. Then try again; nothing is lost."
        ),
        code=failure.cause,
        params={"host": urlsplit(cloud_of(cloud).authority).netloc, "why": _(network_errors.reason(failure))},
    )


def _proxy_error(failure: SendError) -> ValidationError:
    return ValidationError(
        _(
            "The outbound proxy of this installation did not let the connection through: %(why)s Its administrator "
            "finds it in ALERTADMIN_HTTPS_PROXY. Then try again; nothing is lost."
        ),
        code=failure.cause,
        params={"why": failure.technical},
    )


def _discovery_error(failure: SendError, asked: str, cloud: str) -> ValidationError:
    if failure.cause == "tenant_not_found":
        return ValidationError(
            _(
                "Microsoft knows no directory “%(name)s” in this cloud. Is it spelled right, and is the cloud right? "
                "The domain that ends in onmicrosoft.com always works, and so does the Directory (tenant) ID."
            ),
            code="tenant_not_found",
            params={"name": asked},
        )
    title = explain(failure.cause, cloud=known_cloud(cloud), translate=_).title
    return ValidationError(
        _("Microsoft did not answer: %(title)s. Try again; nothing is lost. (%(technical)s)"),
        code=failure.cause,
        params={"title": title, "technical": failure.technical},
    )
