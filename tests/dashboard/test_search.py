"""Search finds what holds the term anywhere that is searched, whether few rows do or many."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.ui import search as ui_search
from alertadmin.registry.folded_text import fold
from alertadmin.registry.models import Credential
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.postgresql

PATHS = tuple(credentials_table(NOW).search)
GUID = "0a1b2c3d-0000-4000-8000-00000000beef"


@pytest.fixture
def secrets(rows: Rows) -> None:
    north, south = rows.tenant("Northpark Énergie"), rows.tenant("South_port 100% Water")
    rows.credential(rows.app(north, name="ALERT"), description="backup of beef")
    rows.credential(rows.app(north, name="Pump", client_id=GUID), description="")
    rows.credential(rows.app(south, name="alert 2"), description="Énergie")
    rows.credential(rows.app(south, name="CRM"), description="x", key_id=GUID)


@pytest.mark.parametrize("few", [0, 1, ui_search.FEW], ids=["all are many", "some are many", "all are few"])
@pytest.mark.parametrize(
    "term",
    [
        "alert",
        "ALERT",
        "northpark",
        "Énergie",
        "ENERGIE",
        "e\u0301nergie",
        "100%",
        "South_port",
        "_",
        "%",
        "beef",
        GUID,
        GUID[:8].upper(),
        "unknown",
        "\\",
    ],
)
def test_it_finds_whatever_holds_the_term_and_nothing_else(
    secrets: None, monkeypatch: pytest.MonkeyPatch, term: str, few: int
) -> None:
    monkeypatch.setattr(ui_search, "FEW", few)
    everything = Credential.objects.select_related("app__tenant")
    expected = {secret.pk for secret in everything if any(fold(term) in fold(text) for text in texts_of(secret))}
    assert {one.pk for one in ui_search.apply_search(everything, PATHS, term)} == expected


def test_each_table_is_asked_once_however_many_rows_there_are(secrets: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(ui_search.apply_search(Credential.objects.all(), PATHS, "alert"))
    assert len(captured) == 4


def test_a_word_is_not_looked_for_among_ids(secrets: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        list(ui_search.apply_search(Credential.objects.all(), PATHS, "alert"))
    assert not any("client_id" in query["sql"] and "LIKE" in query["sql"] for query in captured.captured_queries[:3])


def test_what_was_chosen_before_stays_chosen(secrets: None) -> None:
    unnamed = Credential.objects.filter(description="")
    assert [one.app.name for one in ui_search.apply_search(unnamed, PATHS, "northpark")] == ["Pump"]


def texts_of(secret: Credential) -> tuple[str, ...]:
    return secret.description, secret.app.name, secret.app.tenant.name, secret.app.client_id, secret.key_id
