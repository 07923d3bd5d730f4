from __future__ import annotations

import pytest
from django.test import Client

from alertadmin.accounts.models import User
from sandbox import Sandbox
from tests.rows import Rows
from tests.security.world import World, build
from tests.signing_in import signed_in_at


@pytest.fixture
def signed_in(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


@pytest.fixture
def world(rows: Rows, sandbox: Sandbox) -> World:
    return build(rows, sandbox)
