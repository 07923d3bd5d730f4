"""Events of the process that runs a service's code: none of them is believed to be ours."""

from __future__ import annotations

import pytest

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox.channels.apprise import service as apprise_service
from mailer.coded_text import parse


@pytest.mark.parametrize("event", ["failed", "answered"])
def test_code_of_a_service_cannot_pass_off_a_coded_text(event: str) -> None:
    """Its process could write any event; a coded text decides, for example, that quiet hours do not matter."""
    forged = str.__str__(outbox_messages.SEND_NOW)
    told = {
        "failed": {"cause": "other", "technical": forged, "outcome": "not_sent", "retry": False, "answer": "refused"},
        "answered": {"status": 400, "words": forged, "retry_after": None, "says_no": True},
    }[event]
    failure = apprise_service._failure([{"event": event, **told}], {"event": "ended"})
    assert parse(failure.technical) is None
    assert "send_now" in failure.technical
