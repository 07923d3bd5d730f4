from __future__ import annotations

import pytest
from django.test import Client

from alertadmin.accounts.models import User
from tests.helpers.login import signed_in_at


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)
