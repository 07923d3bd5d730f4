from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outages.provider import Provider
from tests.outages.scenario import BEGIN
from tests.outbox.fake_clock import Time


@pytest.fixture(scope="session")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Provider(tmp_path_factory.mktemp("provider"), Time(BEGIN)) as provider:
        yield provider


@pytest.fixture
def time() -> Time:
    return Time(BEGIN)


@pytest.fixture
def provider(running_provider: Provider, time: Time) -> Provider:
    """The session's, as if nothing had happened, by this test's clock."""
    running_provider.clock = time
    running_provider.reset()
    running_provider.follow()
    return running_provider
