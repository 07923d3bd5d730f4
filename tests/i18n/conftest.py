"""Tests in French."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture
def french() -> Iterator[None]:
    """French is the language of now."""
    with translation.override("fr"):
        yield
