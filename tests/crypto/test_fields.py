"""Encrypted secrets: bound to one row, refused when altered or moved, and shown only by an explicit decryption."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import pprint
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection, models, transaction
from django.forms import modelform_factory
from django.forms.models import model_to_dict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertadmin.crypto.fields import EncryptedValue, Tampered
from alertadmin.crypto.keyring import KeyMissing, Unreadable
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant
from tests.factories import Rows

CANARY = "CANARY-fT48Q~0123456789abcdefghijklmnopq"
ROW = b"registry.credential:value:" + b"1" * 16
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.fixture
def credential(rows: Rows) -> Credential:
    return rows.credential(value=CANARY)


def stored_token(row: models.Model, column: str = "value") -> str:
    """As the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM {row._meta.db_table} WHERE id = %s",
            [row.pk.hex if connection.vendor == "sqlite" else row.pk],
        )
        return str(cursor.fetchone()[0])


def put(row: models.Model, token: str, column: str = "value") -> None:
    """Write past the field, as a database client would."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s",
            [token, row.pk.hex if connection.vendor == "sqlite" else row.pk],
        )


def opened(row: models.Model, field: str = "value") -> str:
    row.refresh_from_db()
    value = getattr(row, field)
    assert isinstance(value, EncryptedValue)
    return value.decrypt()


# Sealed and opened


@given(texts)
def test_whatever_was_sealed_is_opened_again(value: str) -> None:
    assert EncryptedValue.encrypt(value, ROW).decrypt() == value


@pytest.mark.control(9)
@pytest.mark.control(9)
def test_the_same_value_is_never_sealed_alike() -> None:
    assert len({EncryptedValue.encrypt(CANARY, ROW).token for _one in range(1000)}) == 1000


@pytest.mark.control(10)
@pytest.mark.control(10)
def test_a_ciphertext_names_its_version_and_key(credential: Credential) -> None:
    assert credential.value
    version, key_id, digest, sealed = stored_token(credential).split(".")
    assert (version, key_id, len(digest)) == ("v2", credential.value.key_id, 43)
    assert len(base64.b64decode(sealed)) == 12 + len(CANARY) + 16


def test_an_empty_value_is_none_at_all(credential: Credential) -> None:
    credential.value = ""
    credential.save()
    credential.refresh_from_db()
    assert credential.value is None


def test_a_deferred_value_is_fetched_when_asked_for(credential: Credential) -> None:
    deferred = Credential.objects.defer("value").get()
    assert deferred.value
    assert deferred.value.decrypt() == CANARY


# Altered or moved


@pytest.mark.control(7)
@pytest.mark.control(7)
@settings(deadline=None)
@given(st.data(), texts)
def test_a_ciphertext_with_any_bit_flipped_is_refused(data: st.DataObject, value: str) -> None:
    sealed = EncryptedValue.encrypt(value, ROW)
    raw = bytearray(sealed.token.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    altered = EncryptedValue(raw.decode("latin-1"), ROW)
    with pytest.raises(Unreadable) as refused:
        altered.decrypt()
    assert type(refused.value) in (Tampered, KeyMissing)
    assert value not in str(refused.value) or len(value) < 8
    assert not altered.readable


@pytest.mark.control(7)
@pytest.mark.control(7)
def test_every_single_bit_of_a_ciphertext_counts() -> None:
    """Those of base64 that decode to nothing too."""
    for length in range(4):
        token = EncryptedValue.encrypt("x" * length, ROW).token.encode()
        for position in range(len(token)):
            for bit in range(8):
                altered = bytearray(token)
                altered[position] ^= 1 << bit
                assert not EncryptedValue(altered.decode("latin-1"), ROW).readable, (length, position, bit)


@pytest.mark.control(7)
@given(st.text(max_size=120))
def test_any_other_text_in_its_place_is_refused(text: str) -> None:
    with pytest.raises(Tampered):
        EncryptedValue(text, ROW).decrypt()


@pytest.mark.control(7)
@pytest.mark.parametrize("change", [lambda it: it + "\n", lambda it: it + "=", lambda it: it[:-4], lambda it: f" {it}"])
def test_what_was_added_or_cut_off_is_refused(change: Any) -> None:
    with pytest.raises(Tampered):
        EncryptedValue(change(EncryptedValue.encrypt(CANARY, ROW).token), ROW).decrypt()


@pytest.mark.control(8)
@pytest.mark.control(8)
def test_ciphertexts_swapped_between_two_rows_are_refused(rows: Rows) -> None:
    one, other = rows.credential(value="one" * 10), rows.credential(value="other" * 10)
    tokens = stored_token(one), stored_token(other)
    put(one, tokens[1])
    put(other, tokens[0])
    for row in (one, other):
        with pytest.raises(Tampered):
            opened(row)
    put(one, tokens[0])
    assert opened(one) == "one" * 10


@pytest.mark.control(8)
@pytest.mark.control(8)
def test_a_ciphertext_moved_to_another_field_or_model_is_refused(rows: Rows) -> None:
    """Even where the row's id is the same."""
    credential = rows.credential(value=CANARY)
    mailbox = Mailbox(pk=credential.pk, tenant=credential.app.tenant, app=credential.app, address="a@x.example")
    mailbox.password = CANARY
    mailbox.save()
    assert opened(mailbox, "password") == CANARY
    put(mailbox, stored_token(credential), "password")
    with pytest.raises(Tampered):
        opened(mailbox, "password")


@pytest.mark.control(10)
@pytest.mark.control(10)
def test_a_ciphertext_of_a_key_that_is_not_there_says_so(credential: Credential) -> None:
    assert credential.value
    put(credential, stored_token(credential).replace(credential.value.key_id, "k0missing"))
    with pytest.raises(KeyMissing, match="k0missing"):
        opened(credential)


@pytest.mark.control(8)
def test_a_copy_of_a_row_cannot_be_stored_under_another_id(credential: Credential) -> None:
    credential.pk = uuid4()
    credential.state = "next"
    with pytest.raises(TypeError, match="another row"):
        credential.save(force_insert=True)


def test_a_sealed_value_cannot_be_lent_to_another_row(rows: Rows, credential: Credential) -> None:
    other = rows.credential()
    other.value = credential.value
    with pytest.raises(TypeError, match="another row"):
        other.save()


# Never shown


def everything_shown(credential: Credential) -> dict[str, str]:
    """All that a careless line of code might print, log, store or send."""
    form = modelform_factory(Credential, exclude=[])(instance=credential)
    return {
        "repr": repr(credential) + repr(credential.value) + repr(vars(credential)),
        "str": f"{credential} {credential.value}",
        "pprint": pprint.pformat(vars(credential)),
        "pickle": pickle.dumps(credential).decode("latin-1"),
        "copy": repr(vars(copy.deepcopy(credential))) + repr(copy.copy(credential.value)),
        "model_to_dict": repr(model_to_dict(credential)) + repr(model_to_dict(credential, fields=["value"])),
        "values": repr(list(Credential.objects.values())) + repr(list(Credential.objects.values_list("value"))),
        "form": form.as_p() + repr(form.initial),
        "json": serializers.serialize("json", [credential]) + serializers.serialize("xml", [credential]),
        "old instance": repr([vars(row) for row in Credential.objects.all()]),
        "format": f"{credential.value!r:>200} %s" % credential.value,
    }


@pytest.mark.control(5)
@pytest.mark.control(3, 5)
def test_nothing_shows_the_value(credential: Credential, caplog: pytest.LogCaptureFixture) -> None:
    fresh = Credential(app=credential.app, value=CANARY)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("alertadmin").debug("%s %r %s", fresh, fresh, vars(fresh))
        shown = everything_shown(credential) | {f"fresh {name}": text for name, text in everything_shown(fresh).items()}
    shown["log"] = caplog.text
    for name, text in shown.items():
        for form in (CANARY, CANARY[:12], base64.b64encode(CANARY.encode()).decode()[:16], CANARY.encode().hex()):
            assert form not in text, name


@pytest.mark.control(5)
def test_what_is_printed_of_a_sealed_value_is_not_even_its_ciphertext(credential: Credential) -> None:
    assert repr(credential.value) == str(credential.value) == "EncryptedValue()"


def test_what_was_pickled_or_copied_still_opens(credential: Credential) -> None:
    for other in (pickle.loads(pickle.dumps(credential)), copy.deepcopy(credential)):
        other.save()
        assert opened(other) == CANARY


@pytest.mark.control(4)
def test_no_form_has_a_field_for_it(credential: Credential) -> None:
    assert "value" not in modelform_factory(Credential, exclude=[]).base_fields
    assert "password" not in modelform_factory(Mailbox, exclude=[]).base_fields


def test_no_query_compares_it_with_a_value_in_clear(credential: Credential) -> None:
    with pytest.raises(TypeError, match="encrypted"):
        Credential.objects.filter(value=CANARY).exists()
    with pytest.raises(FieldError):
        Credential.objects.filter(value__contains=CANARY).exists()
    with pytest.raises(TypeError, match="encrypted"), transaction.atomic():
        Credential.objects.update(value=CANARY)
    assert Credential.objects.filter(value=credential.value).exists()


@pytest.mark.control(1)
@pytest.mark.control(1)
def test_the_database_holds_no_value_in_clear(credential: Credential, data_folder: Path) -> None:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert CANARY not in repr(cursor.fetchall()), table


# Fixtures


@pytest.mark.control(5)
def test_a_dump_loads_again_and_shows_no_value(credential: Credential, tmp_path: Path) -> None:
    dump = StringIO()
    call_command("dumpdata", "registry", stdout=dump)
    assert CANARY not in dump.getvalue()
    assert stored_token(credential) in dump.getvalue()
    Tenant.objects.all().delete()
    path = tmp_path / "dump.json"
    path.write_text(dump.getvalue())
    call_command("loaddata", str(path), verbosity=0)
    assert opened(Credential.objects.get()) == CANARY


def test_a_value_in_clear_in_a_fixture_is_sealed_when_it_is_loaded(rows: Rows, tmp_path: Path) -> None:
    app: AppRegistration = rows.app()
    end = "2027-12-31T00:00:00Z"
    fields = {"app": str(app.pk), "expires_at": end, "created_at": end, "value": CANARY}
    path = tmp_path / "by-hand.json"
    path.write_text(json.dumps([{"model": "registry.credential", "pk": str(uuid4()), "fields": fields}]))
    call_command("loaddata", str(path), verbosity=0)
    credential = Credential.objects.get()
    assert CANARY not in stored_token(credential)
    assert opened(credential) == CANARY


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(texts.filter(lambda text: text.strip() == text and "\0" not in text))
def test_any_value_makes_the_way_through_the_database(rows: Rows, value: str) -> None:
    credential = Credential.objects.first() or rows.credential()
    credential.value = value
    credential.save()
    credential.refresh_from_db()
    assert (credential.value.decrypt() if credential.value else "") == value


@pytest.mark.control(15)
@pytest.mark.control(15)
def test_the_secret_key_of_django_opens_nothing(credential: Credential, settings: Any) -> None:
    settings.SECRET_KEY = "another-" + "y" * 40
    assert opened(credential) == CANARY
    assert django_settings.SECRET_KEY.startswith("another-")


@pytest.mark.control(16)
@pytest.mark.django_db(transaction=True)
def test_a_deleted_secret_leaves_no_ciphertext_in_the_database(rows: Rows) -> None:
    """SQLite overwrites it in its file; PostgreSQL frees the place at its next VACUUM."""
    credential = rows.credential(value=CANARY)
    sealed = stored_token(credential).split(".")[3].encode()
    assert in_the_file(sealed)
    credential.delete()
    assert not Credential.objects.exists()
    assert connection.vendor != "sqlite" or not in_the_file(sealed)


def in_the_file(sealed: bytes) -> bool:
    if connection.vendor != "sqlite":
        return Credential.objects.filter(value__isnull=False).exists()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sealed in Path(connection.settings_dict["NAME"]).read_bytes()
