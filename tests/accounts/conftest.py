from __future__ import annotations

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from pytest_django import Settings


class CheapArgon2(Argon2PasswordHasher):
    """For tests that try many passwords: as right, but not as slow."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1


@pytest.fixture
def cheap_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CheapArgon2"]
