"""Send to any address that apprise supports: which service it belongs to, and the result of a notification.

apprise itself returns only a boolean; the requests and responses on the way (`fork_server`) tell the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin.outbox import messages
from alertadmin.outbox.channels import smtp
from alertadmin.outbox.channels.address_parts import Part
from alertadmin.outbox.channels.apprise import client
from alertadmin.outbox.channels.apprise.client import Event
from alertadmin.outbox.channels.http_session import TIMEOUT
from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.channels.webhook import foreign, refusal
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import wire_errors
from mailer.http.ssrf_guard import EgressAllowlist
from mailer.transports import Receipt


@dataclass(frozen=True, slots=True)
class Service:
    """The service of an address. `kind` is "webhook", which can be signed, or apprise's name of the service, such as
    "slack"; `label` is for users, such as "Slack"."""

    label: str
    kind: str
    parts: tuple[Part, ...] = ()
    """What of the address will be used (`address_parts`)."""

    @property
    def can_be_signed(self) -> bool:
        return self.kind == "webhook"


FINAL_EVENTS = frozenset({"ended", "mail", "broke", "unusable", "known"})


def parse_address(url: str) -> Service:
    """Identify the service. Makes no connection. Raises ValidationError, without any part of the address."""
    last = _last(_up_to_the_end(client.run_request({"url": url}, allowed=EgressAllowlist(), seconds=TIMEOUT)))
    if last["event"] == "known":
        if last["dropped"]:
            raise _unused(last["dropped"], last["label"], last["forms"])
        return Service(last["label"], last["kind"], tuple((code, value) for code, value in last["parts"]))
    why = last.get("why")
    if why == "unknown":
        raise ValidationError(
            _("No service is known by this address. Enter it as the service or apprise writes it."), code="unknown"
        )
    if why == "local":
        raise ValidationError(_("This service is not called over the web; alertadmin accepts no others."))
    if why == "unverified":
        raise ValidationError(_("Certificates are always verified: take “verify=no” out of the address."))
    if why == "incomplete":
        said = _("The address of this service is incomplete, or a part of it has the wrong form.")
        raise ValidationError(_with_forms(said, last["forms"]), code="incomplete")
    raise ValidationError(_("The address could not be checked right now. Try again."))


def _unused(dropped: list[str], label: str, forms: list[str]) -> ValidationError:
    """Names of options alone are repeated, never a value."""
    options = [name for name in dropped if name not in ("user", "path", "fragment")]
    if options:
        words = {"service": label, "names": ", ".join(options)}
        said = _("%(service)s knows no option “%(names)s”, and would do nothing with it: take it out.") % words
    elif "user" in dropped:
        said = _(
            "The user name, password or token of this address would not be used by %(service)s. In a password write "
            "%%40 for @, %%3A for : and %%2F for /."
        ) % {"service": label}
    elif "fragment" in dropped:
        said = _("What follows the # of this address would not be used by %(service)s.") % {"service": label}
    else:
        said = _("A part of the path of this address would not be used by %(service)s.") % {"service": label}
    return ValidationError(said if options else _with_forms(said, forms), code="unused")


def _with_forms(said: str, forms: list[str]) -> str:
    if not forms:
        return said
    return _("%(sentence)s It is written like this: %(forms)s") % {"sentence": said, "forms": ", ".join(forms)}


def send(url: str, notice: Notification, *, allowed: EgressAllowlist, seconds: float = TIMEOUT) -> Receipt:
    """Raises SendError."""
    words = {"subject": notice.subject, "text": notice.text}
    events = _up_to_the_end(client.run_request({"url": url, "notice": words}, allowed=allowed, seconds=seconds))
    last = _last(events)
    if last["event"] == "mail":
        server = last["server"]
        recipients = tuple(server.pop("recipients"))
        return smtp.send(smtp.MailServer(**server, recipients=recipients), notice, allowed=allowed, seconds=seconds)
    answers = [event for event in events if event["event"] == "answered"]
    pages = [answer["status"] for answer in answers if answer["status"] < 300 and answer["is_page"]]
    if last["event"] == "ended" and last["sent"] and pages:
        raise foreign(pages[-1])
    if last["event"] == "ended" and last["sent"]:
        return Receipt(str(notice.id), f"HTTP {answers[-1]['status']}" if answers else "")
    failure = _failure(events, last)
    took_some = any(answer["status"] < 300 and not answer["says_no"] for answer in answers)
    if took_some and any(event.get("messages", 1) > 1 for event in events):
        failure.outcome, failure.answer, failure.retry = Acceptance.UNKNOWN, Answer.FOREIGN, True
    raise failure


def _up_to_the_end(events: list[Event]) -> list[Event]:
    """Events up to the final one: after it a service may still log out."""
    ends = [position for position, event in enumerate(events) if event["event"] in FINAL_EVENTS]
    return events[: ends[0] + 1] if ends else events


def _last(events: list[Event]) -> Event:
    return events[-1] if events else {"event": "silent"}


def _failure(events: list[Event], last: Event) -> SendError:
    """The failure, from the last network event; without one, from the reason why there was none."""
    if any(event["event"] == "inside" for event in events):
        return SendError("network", messages.INTERNAL_ADDRESS)
    if last["event"] == "unusable":
        return SendError("other", messages.NO_ADDRESS)
    happened = [event for event in events if event["event"] in ("begun", "answered", "failed")]
    if not happened:
        given_up = last["event"] == "ended"
        if last["event"] == "broke":
            return SendError("other", messages.UNEXPECTED % {"error": last["what"]})
        return SendError(
            "other", messages.CANCELLED_UNSENT if given_up else messages.SENDER_NOT_STARTED, retry=not given_up
        )
    event = happened[-1]
    if event["event"] == "begun":  # the deadline passed while waiting for the response
        return SendError("network", messages.NO_ANSWER, Acceptance.UNKNOWN, retry=True)
    if event["event"] == "failed":
        said = Acceptance(event["outcome"]), event["retry"], Answer(event["answer"])
        return SendError(
            event["cause"], wire_errors.sanitize(event["technical"]), said[0], retry=said[1], answer=said[2]
        )
    failure = refusal(event["status"], event["words"], event["retry_after"])
    if event["status"] < 300:  # apprise missed the confirmation that it expects
        failure.cause, failure.retry = "other", not event["says_no"]
        failure.outcome = Acceptance.NOT_SENT if event["says_no"] else Acceptance.UNKNOWN
        failure.answer = Answer.REFUSED if event["says_no"] else Answer.FOREIGN
    return failure
