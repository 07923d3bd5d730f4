from __future__ import annotations

import pytest
from django.test import Client

from alertadmin.accounts.models import User
from tests.signing_in import signed_in_at


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)
