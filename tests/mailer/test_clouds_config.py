"""The operator's clouds file: its entries, and one sentence for each mistake."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.clouds import BUILTIN, Server
from mailer.clouds_config import CloudsFileError, load_clouds, load_servers, read_clouds_file

LAB = {
    "label": "Lab",
    "authority": "https://localhost:9443",
    "graph": "https://localhost:9443/graph",
    "ews": "https://localhost:9443/EWS/Exchange.asmx",
    "smtp": "localhost:9587",
    "exchange_resource": "https://outlook.office365.com",
    "graph_resource": "https://graph.microsoft.com",
}
PLANT = '[plant]\nlabel = "Plant"\non_premises = true\news = "https://mail.plant.example/EWS/Exchange.asmx"\n'


def lab(**changes: str | None) -> str:
    """The file's text; None leaves a key out."""
    lines = [f'{key} = "{value}"' for key, value in {**LAB, **changes}.items() if value is not None]
    return "\n".join(["[lab]", *lines, ""])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clouds.toml"


def test_without_a_file_there_are_microsofts_clouds_and_no_servers() -> None:
    assert load_clouds(None) == BUILTIN
    assert load_servers(None) == {}


def test_table_adds_a_cloud(file: Path) -> None:
    file.write_text(lab())
    clouds = load_clouds(file)
    assert set(clouds) == {*BUILTIN, "lab"}
    assert clouds["lab"].exchange_scope == "https://outlook.office365.com/.default"
    assert clouds["lab"].ca_file is None


def test_table_on_premises_is_a_server(file: Path) -> None:
    file.write_text(lab() + PLANT)
    assert set(load_clouds(file)) == {*BUILTIN, "lab"}
    assert load_servers(file) == {
        "plant": Server("plant", "Plant", "https://mail.plant.example/EWS/Exchange.asmx", None)
    }


def test_ca_file_is_relative_to_the_clouds_file(file: Path, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    file.write_text(lab(ca_file="ca.pem") + PLANT + 'ca_file = "ca.pem"\n')
    assert load_clouds(file)["lab"].ca_file == load_servers(file)["plant"].ca_file == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"authority": " https://localhost:9443/ "}, {"authority": "https://localhost:9443"}),
        ({"authority": "https://localhost/entra"}, {"authority": "https://localhost/entra"}),
        ({"graph_resource": "https://graph.microsoft.com/"}, {"graph_resource": "https://graph.microsoft.com"}),
        ({"exchange_resource": "api://exchange/.default"}, {"exchange_resource": "api://exchange"}),
        ({"smtp": "[::1]:587"}, {"smtp": "[::1]:587"}),
    ],
)  # fmt: skip
def test_harmless_differences_of_notation_are_accepted(
    file: Path, written: dict[str, str], read: dict[str, str]
) -> None:
    file.write_text(lab(**written))
    cloud = load_clouds(file)["lab"]
    assert {key: getattr(cloud, key) for key in read} == read


def test_byte_order_mark_is_accepted(file: Path) -> None:
    file.write_text(lab(), encoding="utf-8-sig")
    assert "lab" in load_clouds(file)


def test_on_premises_may_be_false(file: Path) -> None:
    file.write_text(lab() + "on_premises = false\n")
    assert "lab" in load_clouds(file)
    assert load_servers(file) == {}


MISTAKES = [
    ("= nonsense", "is not valid TOML"),
    ('lab = "x"', "lab must be a table, written [lab]."),
    (lab().replace("[lab]", "[global]"), "[global] is built in; give your cloud another name."),
    (lab().replace("[lab]", f"[{'x' * 41}]"), "must have a name of 1 to 40 characters."),
    (lab(authority=None, smtp=None), "[lab] lacks authority, smtp."),
    (lab(tennant="x", gruph="y"), "[lab] has unknown keys gruph, tennant; known are label, authority,"),
    (lab() + "[lab.more]\nx = 1\n", "[lab] has unknown keys more;"),
    (lab(label=None) + "label = 5\n", "[lab] label must be text in quotes."),
    (lab(label=" "), "[lab] label must be text in quotes."),
    (lab(authority="http://localhost:9443"), '[lab] authority must begin with "https://" and a host.'),
    (lab(ews="https:///EWS"), '[lab] ews must begin with "https://" and a host.'),
    (lab(graph="https://[::1/graph"), "[lab] graph is not an address that can be read."),
    (lab(graph="https://localhost:99999"), "[lab] graph is not an address that can be read."),
    (lab(portal="http://portal.example"), '[lab] portal must begin with "https://" and a host.'),
    (lab(authority="https://user:pw@localhost"), '[lab] authority must be "https://", a host and perhaps a path,'),
    (lab(ews="https://localhost/EWS?x=1"), '[lab] ews must be "https://", a host and perhaps a path,'),
    (lab(graph="https://localhost/a b"), '[lab] graph must be "https://", a host and perhaps a path,'),
    (lab(smtp="localhost"), '[lab] smtp must be written "host:port".'),
    (lab(smtp="localhost:0"), '[lab] smtp must be written "host:port".'),
    (lab(smtp="localhost:65536"), '[lab] smtp must be written "host:port".'),
    (lab(smtp="localhost:٥٨٧"), '[lab] smtp must be written "host:port".'),
    (lab(smtp=":587"), '[lab] smtp must be written "host:port".'),
    (lab(graph_resource="one two"), "[lab] graph_resource must be one resource, without spaces."),
    (lab(ca_file="missing.pem"), "missing.pem does not exist."),
    (lab(ca_file="clouds.toml"), "clouds.toml holds no certificate in PEM that can be read."),
    (PLANT.replace("true", '"yes"'), "[plant] on_premises must be true or false, without quotes."),
    (PLANT.replace("https", "http"), '[plant] ews must begin with "https://" and a host.'),
    (PLANT + 'smtp = "x:1"\n', "[plant] has unknown keys smtp; known are label, ews, ca_file."),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_mistake_is_one_sentence_with_the_file(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    with pytest.raises(CloudsFileError) as caught:
        load_clouds(file) | load_servers(file)
    told = str(caught.value)
    assert sentence in told
    assert str(file) in told
    assert "\n" not in told.replace(str(file), "")


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_invalid_entry_is_left_out(file: Path, text: str, sentence: str) -> None:
    good = lab().replace("[lab]", "[second]")
    file.write_text(f"{good}\n{text}" if "[" in text else f"{text}\n{good}")
    found = read_clouds_file(file)
    assert any(sentence in error for error in found.errors)
    assert found.clouds.keys() >= BUILTIN.keys()
    if "not valid TOML" not in sentence:
        assert "second" in found.clouds


def test_missing_file_is_reported(file: Path) -> None:
    with pytest.raises(CloudsFileError, match=r"The clouds file .* cannot be read: No such file or directory\."):
        load_clouds(file)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CloudsFileError, match="cannot be read: Is a directory"):
        load_clouds(tmp_path)


def test_binary_file_is_not_toml(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CloudsFileError, match="is not valid TOML"):
        load_clouds(file)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from([*LAB, "portal", "ca_file"]), value=st.text(max_size=30))
def test_any_value_raises_only_clouds_file_error(file: Path, key: str, value: str) -> None:
    quoted = value.translate({ord("\\"): r"\\", ord('"'): r"\""})
    file.write_bytes(lab(**{key: quoted}).encode("utf-8", "replace"))
    with suppress(CloudsFileError):
        load_clouds(file)
