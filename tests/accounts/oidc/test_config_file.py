"""The operator's sign-in file: what it says, and every mistake in it as one clear sentence that repeats no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from alertadmin.accounts.oidc import provider_registry
from alertadmin.accounts.oidc.config_file import SignInFileError, load
from alertadmin.accounts.oidc.provider import Grant
from mailer.clouds import BUILTIN
from tests.conftest import set_environment

TENANT = "11111111-2222-3333-4444-555555555555"
GROUP = "aaaaaaaa-0000-0000-0000-000000000001"
ENTRA = {"label": '"Northpark"', "entra_tenant": f'"{TENANT}"', "client_id": '"c"', "client_secret_env": '"SECRET"'}
OTHER = {
    "label": '"K"',
    "issuer": '"https://id.example/realms/main"',
    "client_id": '"c"',
    "client_secret_env": '"SECRET"',
}
ENVIRON = {"SECRET": "s3cret"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sign-in.toml"


def table(base: dict[str, str], groups: str = "", **changes: str | None) -> str:
    lines = [f"{key} = {value}" for key, value in {**base, **changes}.items() if value is not None]
    return "\n".join(["[northpark]", *lines, "[northpark.groups]", groups, ""])


def test_a_tenant_of_entra_is_known_by_its_issuer(file: Path) -> None:
    file.write_text(table(ENTRA, f'"{GROUP}" = "operator"', second_factor="true"))
    provider = load(file, BUILTIN, ENVIRON)["northpark"]
    assert provider.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert (provider.entra_tenant, provider.subject_claim, provider.group_claims) == (
        TENANT,
        "oid",
        ("groups", "roles"),
    )
    assert provider.grants == {GROUP: (Grant("operator"),)}
    assert provider.asks_second_factor
    assert "s3cret" not in repr(provider)


def test_a_national_cloud_has_its_own_authority(file: Path) -> None:
    file.write_text(table(ENTRA, cloud='"gcc-high"'))
    assert load(file, BUILTIN, ENVIRON)["northpark"].issuer.startswith("https://login.microsoftonline.us/")


def test_any_other_provider_is_named_by_its_issuer(file: Path) -> None:
    file.write_text(table(OTHER, f'"staff" = [{{ role = "viewer", tenant = "{TENANT.upper()}" }}]', group_claim='"g"'))
    provider = load(file, BUILTIN, ENVIRON)["northpark"]
    assert (provider.subject_claim, provider.group_claims, provider.entra_tenant) == ("sub", ("g",), None)
    assert provider.grants == {"staff": (Grant("viewer", TENANT),)}


def test_a_secret_may_stand_in_a_file_of_its_own(file: Path) -> None:
    (file.parent / "northpark.secret").write_text("from a file\n")
    file.write_text(table(ENTRA, client_secret_env=None, client_secret_file='"northpark.secret"'))
    assert load(file, BUILTIN, {})["northpark"].client_secret == "from a file"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table(ENTRA, entra_tenant='"common"'), "must be a directory (tenant) id"),
        (table(ENTRA, entra_tenant='"northpark.example"'), "must be a directory (tenant) id"),
        (table(ENTRA, issuer='"https://id.example"'), "either entra_tenant"),
        (table(ENTRA, entra_tenant=None), "either entra_tenant"),
        (table(ENTRA, cloud='"moon"'), 'cloud "moon" is not known; known are global'),
        (table(OTHER, issuer='"http://id.example"'), 'issuer must be "https://"'),
        (table(OTHER, issuer='"https://u:p@id.example"'), 'issuer must be "https://"'),
        (table(OTHER, cloud='"global"'), "goes with entra_tenant alone"),
        (table(ENTRA, group_claim='"g"'), "goes with issuer alone"),
        (table(ENTRA, client_secret_env='"UNSET"'), "names the variable UNSET, which is not set"),
        (table(ENTRA, client_secret_env=None), "must have one of client_secret,"),
        (table(ENTRA, client_secret_env=None, client_secret_file='"gone"'), "cannot be read"),
        (table(ENTRA, label="3"), "label must be text in quotes"),
        (table(ENTRA, client_id=None), "lacks client_id"),
        (table(ENTRA, second_factor='"yes"'), "must be true or false, without quotes"),
        (table(ENTRA, scopes='["profile"]'), 'with "openid" among them'),
        (table(ENTRA, colour='"red"'), "unknown keys colour"),
        (table(ENTRA, ca_file='"gone.pem"'), "holds no certificate in PEM"),
        (table(ENTRA, f'"{GROUP}" = "king"'), 'has the role "king"; known are owner, administrator'),
        (table(ENTRA, f'"{GROUP}" = {{ tenant = "{TENANT}" }}'), "must be a role in quotes"),
        (table(ENTRA, f'"{GROUP}" = {{ role = "viewer", tenant = "x" }}'), "no directory (tenant) id"),
        (table(ENTRA).replace("northpark", "North_Park"), "small letters, digits and hyphens"),
        ("northpark = 3", "must be a table, written [northpark]"),
        ("[northpark", "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_what_to_write(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(SignInFileError, match=str(file)) as error:
        load(file, BUILTIN, ENVIRON)
    assert said in str(error.value)


@pytest.mark.control(14)
def test_a_file_with_a_secret_must_be_for_our_eyes_only(file: Path) -> None:
    file.write_text(table(ENTRA, client_secret_env=None, client_secret='"s3cret"'))
    file.chmod(0o640)
    with pytest.raises(SignInFileError, match="chmod 600") as error:
        load(file, BUILTIN, {})
    assert "s3cret" not in str(error.value)
    file.chmod(0o600)
    assert load(file, BUILTIN, {})["northpark"].client_secret == "s3cret"


def test_a_file_that_becomes_unusable_leaves_what_was_known_in_force(
    file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    set_environment(settings, SIGN_IN_FILE=str(file))
    file.write_text(table(ENTRA))
    assert [one.label for one in provider_registry.providers()] == ["Northpark"]
    file.unlink()
    file.write_text("[northpark")
    assert [one.label for one in provider_registry.providers()] == ["Northpark"]
    assert "is not valid TOML" in provider_registry.load_error()
    file.unlink()
    file.write_text(table(ENTRA, label='"Mended"'))
    assert ([one.label for one in provider_registry.providers()], provider_registry.load_error()) == (["Mended"], "")


def test_without_a_file_there_is_no_provider(settings: Settings) -> None:
    set_environment(settings, SIGN_IN_FILE="")
    assert provider_registry.providers() == []
