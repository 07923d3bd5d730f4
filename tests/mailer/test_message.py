"""Messages as mail: no text can add headers, recipients or parts; a resend is identical."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.headerregistry import AddressHeader
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.message import Attachment, BadAddress, BadMessage, Message, address_of, header_text

SENDER = "alarms@northpark.example"
PLAIN = Message(
    subject="Pump 3 stopped",
    text="At 04:12\n",
    to=("oncall@northpark.example",),
    message_id="<3@northpark.example>",
    date=datetime(2026, 11, 23, 4, 12, tzinfo=UTC),
)
BREAKS = "\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\ud800\x1b"
"""CR, LF, NUL, and all that Python, Unicode or an old mail program takes for the end of a line."""
HOSTILE = st.text(st.one_of(st.sampled_from(f"{BREAKS}:;,<>@\"'=?_ \t.éжA"), st.characters()), max_size=60)
ADDRESSES = st.from_regex(r"[a-z0-9][a-z0-9.+-]{0,8}[a-z0-9]@[a-z]{1,10}\.example", fullmatch=True).filter(
    lambda address: ".." not in address
)


def parsed(message: Message, sender: str = SENDER) -> EmailMessage:
    read = message_from_bytes(message.as_bytes(sender), policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def addresses(mime: EmailMessage, name: str) -> list[str]:
    header = mime[name]
    assert isinstance(header, AddressHeader)
    # Python's parser keeps UTF-8 in headers as escaped bytes.
    return [one.addr_spec.encode("utf-8", "surrogateescape").decode() for one in header.addresses]


def body(mime: EmailMessage, kind: str) -> str:
    part = mime.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


@pytest.mark.control(49)
@settings(max_examples=150, deadline=None)
@given(subject=HOSTILE, text=HOSTILE, html=HOSTILE, header=HOSTILE, name=HOSTILE)
def test_texts_cannot_add_headers(subject: str, text: str, html: str, header: str, name: str) -> None:
    message = replace(
        PLAIN,
        subject=subject,
        text=text,
        html=html,
        headers={"X-Plant": header},
        attachments=(Attachment(name, "text/csv", b"1;2"),),
    )
    written = message.as_bytes(SENDER)
    assert written.count(b"\n") == written.count(b"\r\n") == written.count(b"\r")
    assert max(map(len, written.split(b"\r\n"))) <= 998
    mime = parsed(message)
    assert sorted(mime.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "X-Plant", "MIME-Version", "Content-Type"]
    )
    assert addresses(mime, "From") == [SENDER]
    assert addresses(mime, "To") == list(PLAIN.to)
    assert [part.get_content_type() for part in mime.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/csv",
    ]


@pytest.mark.control(49)
@settings(max_examples=80, deadline=None)
@given(
    to=st.lists(ADDRESSES, min_size=1, max_size=30),
    cc=st.lists(ADDRESSES, max_size=5),
    reply_to=st.lists(ADDRESSES, max_size=3),
)
def test_recipients_are_exactly_the_given_ones(to: list[str], cc: list[str], reply_to: list[str]) -> None:
    message = replace(PLAIN, to=tuple(to), cc=tuple(cc), reply_to=tuple(reply_to))
    mime = parsed(message)
    assert addresses(mime, "To") == to
    assert (addresses(mime, "Cc") if cc else []) == cc
    assert (addresses(mime, "Reply-To") if reply_to else []) == reply_to
    assert message.recipients == (*to, *cc)
    assert mime["Bcc"] is None


@pytest.mark.control(50)
@settings(max_examples=150, deadline=None)
@given(address=HOSTILE)
def test_any_address_is_one_recipient_or_refused(address: str) -> None:
    message = replace(PLAIN, to=(address,))
    with suppress(BadAddress):
        mime = parsed(message)
        assert addresses(mime, "To") == [address_of(address)]
        assert sorted(mime.keys())[:3] == ["Content-Transfer-Encoding", "Content-Type", "Date"]


@pytest.mark.control(50)
@pytest.mark.parametrize(
    "address",
    [
        "a@x.example, b@y.example",
        "a@x.example>\r\nBcc: b@y.example",
        "a@x.example\0",
        "a@x\u2028y.example",
        "A <a@x.example>",
        "a@x.example (home)",
        " a@x.example",
        "a b@x.example",
        "a..b@x.example",
        "undisclosed-recipients:;",
        "a@",
        "@x.example",
        "a",
        "",
        "é b@x.example",
        "é>@x.example",
        "é@x.example>",
    ],
)
@pytest.mark.parametrize("field", ["to", "cc", "reply_to"])
def test_anything_but_a_single_address_is_refused(address: str, field: str) -> None:
    with pytest.raises(BadAddress, match=r"e-mail address|line break or a control character"):
        replace(PLAIN, **{field: (address,)}).as_bytes(SENDER)  # type: ignore[arg-type]


@pytest.mark.parametrize("character", "\r\n\0\t\x85\u2028")
def test_control_character_in_an_address_is_reported(character: str) -> None:
    with pytest.raises(BadAddress, match="holds a line break or a control character"):
        address_of(f"a@x{character}.example")


def test_sender_must_be_an_address() -> None:
    with pytest.raises(BadAddress):
        PLAIN.as_bytes("a@x.example\r\nBcc: b@y.example")


@pytest.mark.parametrize(
    "address",
    ["o'brien+alarms@x-y.example", '"a b"@x.example', '"a,b"@x.example', "a@[192.0.2.1]", f"{'a' * 64}@x.example"],
)
def test_unusual_addresses_are_unchanged(address: str) -> None:
    assert addresses(parsed(replace(PLAIN, to=(address,))), "To") == [address]


def test_international_domain_is_sent_as_idna() -> None:
    assert address_of("alarme@münchen.example") == "alarme@xn--mnchen-3ya.example"
    written = replace(PLAIN, to=("alarme@münchen.example",)).as_bytes(SENDER)
    assert b"To: alarme@xn--mnchen-3ya.example\r\n" in written


def test_domain_is_encoded_by_idna_2008() -> None:
    """That of 2003, which Python's own codec knows, makes two domains of different people one."""
    assert address_of("ada@straße.example") == "ada@xn--strae-oqa.example"
    assert address_of("ada@βόλος.example") == "ada@xn--nxasmm1c.example"
    message = replace(PLAIN, to=("ada@straße.example",), cc=("b@faß.example",), reply_to=("c@faß.example",))
    written = message.as_bytes("alarme@straße.example")
    assert b"From: alarme@xn--strae-oqa.example\r\n" in written
    assert b"To: ada@xn--strae-oqa.example\r\n" in written
    assert b"Cc: b@xn--fa-hia.example\r\n" in written
    assert b"Reply-To: c@xn--fa-hia.example\r\n" in written
    assert b"strasse" not in written


def test_international_local_part_needs_utf8() -> None:
    message = replace(PLAIN, to=("é@münchen.example",), subject="Arrêt")
    assert message.needs_utf8(SENDER)
    assert not PLAIN.needs_utf8(SENDER)
    written = message.as_bytes(SENDER)
    assert "To: é@xn--mnchen-3ya.example\r\n".encode() in written


def test_other_messages_are_ascii() -> None:
    """8BITMIME has to be asked for, and not every relay has it."""
    message = replace(PLAIN, subject="Arrêt", text="Arrêt 停止\n", html="<p>Arrêt</p>")
    assert message.as_bytes(SENDER).isascii()
    mime = parsed(message)
    assert mime["Subject"] == "Arrêt"
    assert body(mime, "plain") == "Arrêt 停止\n"
    assert body(mime, "html") == "<p>Arrêt</p>\n"


@settings(max_examples=80, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=300))
def test_a_text_arrives_as_it_was_written(text: str) -> None:
    arrived = body(parsed(replace(PLAIN, text=text)), "plain")
    assert arrived.rstrip("\n") == text.replace("\0", "\ufffd").rstrip("\n")


@pytest.mark.parametrize("text", ["." * 5, ".\n.\n..", "a\r.\rb", "x" * 5000, "a\0b"])
def test_any_text_has_valid_short_lines(text: str) -> None:
    written = replace(PLAIN, text=text).as_bytes(SENDER)
    assert b"\0" not in written
    assert all(len(line) <= 998 and b"\r" not in line for line in written.split(b"\r\n"))


@pytest.mark.control(49)
@pytest.mark.parametrize("character", BREAKS)
def test_control_character_in_a_header_becomes_a_space(character: str) -> None:
    assert header_text(f"Pump{character}3") == "Pump 3"
    mime = parsed(replace(PLAIN, subject=f"Pump{character}Bcc: x@y.example", headers={"X-A": f"a{character}b"}))
    assert mime["Subject"] == "Pump Bcc: x@y.example"
    assert mime["X-A"] == "a b"


@settings(max_examples=100, deadline=None)
@given(subject=HOSTILE, text=HOSTILE, html=st.none() | HOSTILE, content=st.binary(max_size=50))
def test_resent_message_is_identical(subject: str, text: str, html: str | None, content: bytes) -> None:
    attachments = (Attachment("trend.csv", "text/csv", content),)
    message = replace(PLAIN, subject=subject, text=text, html=html, attachments=attachments)
    assert message.as_bytes(SENDER) == replace(message).as_bytes(SENDER)


def test_boundaries_differ_between_messages() -> None:
    one = parsed(replace(PLAIN, html="<p>a</p>")).get_boundary()
    assert one != parsed(replace(PLAIN, html="<p>b</p>")).get_boundary()
    assert one != parsed(replace(PLAIN, html="<p>a</p>", message_id="<4@northpark.example>")).get_boundary()


def test_date_and_message_id_are_the_given_ones() -> None:
    moment = datetime(2026, 11, 23, 5, 12, tzinfo=timezone(timedelta(hours=1)))
    mime = parsed(replace(PLAIN, date=moment, message_id=f"<{'a' * 150}@{'b' * 60}.example>"))
    assert mime["Date"].datetime == moment
    assert mime["Message-ID"] == f"<{'a' * 150}@{'b' * 60}.example>"


@pytest.mark.parametrize(
    "message_id", ["3@northpark.example", "<3@x>\r\nBcc: a@b", "<3>", "<a b@x>", "<é@x>", "<a@b><c@d>", ""]
)
def test_invalid_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(BadMessage, match="is no Message-ID"):
        replace(PLAIN, message_id=message_id).as_bytes(SENDER)


@pytest.mark.control(49)
@pytest.mark.parametrize("name", ["Bcc", "To", "X-A\r\nBcc", "X-", "Subject", "X-A: b", ""])
def test_standard_header_is_refused_as_additional(name: str) -> None:
    with pytest.raises(BadMessage, match='begins with "X-"'):
        replace(PLAIN, headers={name: "x"}).as_bytes(SENDER)


def test_additional_headers_are_written() -> None:
    mime = parsed(replace(PLAIN, headers={"X-Auto-Response-Suppress": "All", "Auto-Submitted": "auto-generated"}))
    assert (mime["X-Auto-Response-Suppress"], mime["Auto-Submitted"]) == ("All", "auto-generated")


@pytest.mark.parametrize(
    "kind", ["text/csv\r\nX-Evil: 1", "nonsense", "", "text/", "multipart/mixed", "message/rfc822", "text/csv; a=b"]
)
def test_invalid_content_type_becomes_octet_stream(kind: str) -> None:
    mime = parsed(replace(PLAIN, attachments=(Attachment("a", kind, b"1;2"),)))
    (attachment,) = mime.iter_attachments()
    assert attachment.get_content_type() == "application/octet-stream"
    assert attachment.get_content() == b"1;2"


def test_an_attachment_keeps_its_name_and_bytes() -> None:
    name = "tendance d'été 停止 " + "x" * 100 + ".csv"
    mime = parsed(replace(PLAIN, attachments=(Attachment(name, "application/pdf", bytes(range(256))),)))
    (attachment,) = mime.iter_attachments()
    assert attachment.get_filename() == name
    assert attachment.get_content() == bytes(range(256))


def test_content_type_parameters_cannot_add_headers() -> None:
    given = (("method", "PUBLISH\r\nX-Evil: 1"), ("x\r\nX-Evil", "1"), ("charset", "utf-8"))
    mime = parsed(replace(PLAIN, attachments=(Attachment("a.ics", "text/calendar", b"1;2", given),)))
    (attachment,) = mime.iter_attachments()
    assert dict(attachment["Content-Type"].params) == {"method": "PUBLISH  X-Evil: 1", "charset": "utf-8"}
    assert "X-Evil" not in attachment
    assert attachment.get_payload(decode=True) == b"1;2"


def test_many_recipients_are_folded() -> None:
    to = tuple(f"{'a' * 50}{number}@{'b' * 50}.example" for number in range(500))
    written = replace(PLAIN, to=to).as_bytes(SENDER)
    assert max(map(len, written.split(b"\r\n"))) <= 200
    assert addresses(parsed(replace(PLAIN, to=to)), "To") == list(to)
