"""Parallel imports of the same registrations: both succeed, and each row is stored once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from alertadmin.registry.csv_import import ImportResult
from alertadmin.registry.models import AppRegistration, Contact, Credential, Mailbox, Tenant
from tests.registry.csv_import.csv_files import imported_bytes, row, written

CUSTOMERS = 150


@pytest.mark.django_db(transaction=True)
def test_parallel_imports_of_the_same_rows_both_succeed() -> None:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(CUSTOMERS)]
    content = written(*(row(directory_id=one, client_id=one, contact_emails=f"{one}@x.example") for one in ids))
    together = Barrier(3)

    def import_it() -> ImportResult:
        together.wait()
        try:
            return imported_bytes(content)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        done = [future.result() for future in [pool.submit(import_it) for _thread in range(3)]]
    assert sorted(one.added for one in done) == [0, 0, 4 * CUSTOMERS]
    assert [one.changed for one in done] == [0, 0, 0]
    for model in (Tenant, AppRegistration, Credential, Mailbox, Contact):
        assert model._default_manager.count() == CUSTOMERS
