"""Sessions as they are after a sign-in."""

from __future__ import annotations

import time

from django.test import Client

from alertadmin.accounts.models import User


def signed_in_at(client: Client, user: User, at: float | None = None) -> Client:
    """Sign in by password at that time in seconds (default now); reauthentication is not needed for ten minutes."""
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() if at is None else at}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client
