from __future__ import annotations

import pytest

from sandbox import Sandbox
from tests.dashboard.setup_wizard.steps import There, there


@pytest.fixture
def world(sandbox: Sandbox) -> There:
    return there(sandbox)
