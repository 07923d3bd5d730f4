from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.crash.databases import Database, Postgresql, Server, Sqlite, postgresql_server
from tests.crash.matrix import DatabaseName, fresh
from tests.crash.scenario import World
from tests.helpers.valkey import Valkey


@pytest.fixture(scope="package")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Server]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="package")
def template(
    request: pytest.FixtureRequest, running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[DatabaseName], World]:
    """The world that others are copies of, made once for each database."""
    made: dict[DatabaseName, World] = {}

    def get(name: DatabaseName) -> World:
        if name not in made:
            folder = tmp_path_factory.mktemp("template") / "data"
            database: Database = (
                Sqlite(folder) if name == "SQLite" else Postgresql(request.getfixturevalue("postgresql"))
            )
            made[name] = World.begin(folder, database, running_sandbox)
        return made[name]

    return get


@pytest.fixture
def make_world(
    template: Callable[[DatabaseName], World], valkey: Valkey, tmp_path: Path
) -> Iterator[Callable[..., World]]:
    """A copy with the given number of recipients."""
    worlds: list[World] = []

    def make(database: DatabaseName = "SQLite", recipients: int = 1) -> World:
        folder = tmp_path / f"world{len(worlds)}"
        world = template(database).copy(folder, recipients=recipients, valkey=fresh(valkey))
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.close()
        world.sandbox.faults.clear()
