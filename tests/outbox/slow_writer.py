"""A process that saves as a page does: for each line it reads it starts a test send and prints how long that took."""

from __future__ import annotations

import sys
import time
from uuid import uuid4

import django

django.setup()

from django.utils import timezone  # noqa: E402 (the settings come first)

from alertadmin.accounts.models import User  # noqa: E402
from alertadmin.outbox.send_test import test_send  # noqa: E402
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant  # noqa: E402
from alertadmin.supervisor.bootstrap import prepare  # noqa: E402


def main() -> None:
    prepare()
    tenant = Tenant.objects.create(name="Northpark", directory_id=str(uuid4()))
    app = AppRegistration.objects.create(tenant=tenant, name="ALERT", client_id=str(uuid4()))
    mailbox = Mailbox.objects.create(tenant=tenant, app=app, address="alarms@northpark.example")
    person = User.objects.create(email="ada@northpark.example")
    tell("ready")
    for line in sys.stdin:
        began = time.monotonic()
        test_send.start(mailbox, line.strip(), by=person, now=timezone.now())
        tell(time.monotonic() - began)


def tell(answer: object) -> None:
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
