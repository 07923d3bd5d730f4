from __future__ import annotations

import pytest
from django.test import Client

from alertadmin.accounts.models import User
from sandbox import Sandbox
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.security.scenario import World, build


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> World:
    return build(rows, sandbox)
