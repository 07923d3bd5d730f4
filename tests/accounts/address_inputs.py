"""Every input that takes an e-mail address, found in the program itself, and the spellings that each is given."""

from __future__ import annotations

import importlib
import pkgutil
import re
from argparse import Action
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from django import forms
from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.db.models import EmailField

from alertadmin import dashboard
from alertadmin.accounts.email_address import EmailAddressInput, clean_stored
from alertadmin.dashboard.auth.forms import SignInForm
from alertadmin.dashboard.ui.email_list_field import EmailListField
from alertadmin.registry.csv_import.column_names import COLUMNS
from alertadmin.registry.csv_import.row_parser import RowParser
from alertadmin.registry.csv_import.table_reader import Row
from alertadmin.setting_table import SETTINGS

ADA = "ada@kunde.example"

READ = {
    "plain": ADA,
    "capital letters": "Ada@Kunde.EXAMPLE",
    "zero width space": f"{ADA}\u200b",  # home-assistant/core, "invisible character in recipient"; Teams' copies
    "left-to-right mark": f"\u200e{ADA}",  # Entra admin center and Excel, "copied from the portal"
    "byte order mark": f"\ufeff{ADA}",
    "no-break space": f"\u00a0{ADA}\u00a0",
    "soft hyphen": f"{ADA}\u00ad",
    "name": f"Ada Example <{ADA}>",
    "name with a comma": f'"Example, Ada" <{ADA}>',
    "name with a comma, unquoted": f"Example, Ada <{ADA}>",
    "name in smart quotes": f"“Example, Ada” <{ADA}>",
    "Outlook's card": f"Ada Example ({ADA})",
    "comment behind": f"{ADA} (Ada Example)",
    "brackets": f"<{ADA}>",
    "angular quotation marks": f"‹{ADA}›",
    "smart quotes": f"“{ADA}”",
    "Outlook's quotes": f"'{ADA}'",
    "semicolon behind": f"{ADA};",
    "comma and tab behind": f"{ADA},\t",
    "line break behind": f"{ADA}\r\n",
    "full stop behind": f"{ADA}.",
    "mailto": f"mailto:{ADA}",
    "mailto with a subject": f"MAILTO:{ADA}?subject=Secret%20expires&body=Hello",
    "mailto with escapes": "mailto:ada%40kunde.example",
    "twice, as Outlook writes plain text": f"{ADA} <mailto:{ADA}>",
    "Markdown": f"[{ADA}](mailto:{ADA})",
    "Slack": f"<mailto:{ADA}|{ADA}>",
    "HTML": f"&lt;{ADA}&gt;",
    "Exchange's proxy address": f"SMTP:{ADA}",
    "head of a message": f"To: Ada Example <{ADA}>",
    "full-width at sign": "ada＠kunde.example",
    "full width": "ａｄａ＠ｋｕｎｄｅ．ｅｘａｍｐｌｅ",
}
"""Spellings of one address, as mail programs, portals and people write it."""

OTHERS = {
    "international domain": ("ada@straße.example", "ada@straße.example"),
    "the same as A-labels": ("Ada@XN--STRAE-OQA.example", "ada@straße.example"),
    "international domain with a name": ("Ada <ada@bücher.example>", "ada@bücher.example"),
    "local part of RFC 6531": ("käthe@kunde.example", "käthe@kunde.example"),
}
"""Each with its canonical form."""

NO_ADDRESS = "This is not an e-mail address."
REFUSED = {
    "no address": ("ada", NO_ADDRESS),
    "two at signs": (f"{ADA}@evil.example", NO_ADDRESS),
    "at in words": ("ada at kunde.example", NO_ADDRESS),
    "quoted local part": ('"ada"@kunde.example', NO_ADDRESS),
    "zero width inside": ("ada@kun\u200bde.example", "hidden character (U+200B)"),
    "soft hyphen inside": ("a\u00adda@kunde.example", "hidden character (U+00AD)"),
    "no domain": ("ada@kunde", "is not a domain"),
    "two full stops": (f"{ADA}..", "is not a domain"),
    "IP address": ("ada@[192.0.2.1]", "is not a domain"),
    "X500": ("X500:/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn=5f-Ada", "SMTP:"),
    "legacyExchangeDN": ("/o=Kunde/ou=First Administrative Group/cn=Recipients/cn=Ada", "SMTP:"),
    "SIP": (f"sip:{ADA}", "SMTP:"),
    "IMCEAEX": ("IMCEAEX-_o=Kunde@kunde.example", "SMTP:"),
    "guest": ("ada_kunde.example#EXT#@host.onmicrosoft.com", "guest’s sign-in name"),
    "empty local part": ("@kunde.example", NO_ADDRESS),
    "two dots": ("ada..b@kunde.example", "Before the @"),
    "very long": (f"{'a' * 65}@kunde.example", "too long"),
}
"""Each with a part of the sentence that says what is wrong."""
SEVERAL = {
    "comma": f"{ADA}, bo@kunde.example",
    "semicolon": f"Example, Ada <{ADA}>; bo@kunde.example",
    "tab": f"{ADA}\tBO@kunde.example",
    "line": f"{ADA}\r\nbo@kunde.example\r\n",
    "mailto with a copy": f"mailto:{ADA}?cc=bo@kunde.example",
    "proxyAddresses": f"{{SMTP:{ADA}, smtp:bo@kunde.example}}",
}

Read = Callable[[str], str | list[str]]
"""What an input makes of a text. Raises ValidationError."""
NAMED_LIKE_ONE = re.compile(r"(?i)(?:\w+_)?(e?mails?|address|recipients?|contacts?|mailbox|username|to|people)")
OTHER_FIELDS = {
    ("LinkForm", "recipient"): "a person's name",
    ("ChannelForm", "new_address"): "a channel's address",
    ("OnPremisesForm", "username"): "a login of a server",
}


def form_inputs() -> Iterator[tuple[str, Read]]:
    """Fields of forms that are of our types or named as an address."""
    for module in pkgutil.walk_packages(dashboard.__path__, "alertadmin.dashboard."):
        for form in vars(importlib.import_module(module.name)).values():
            if not (isinstance(form, type) and issubclass(form, forms.BaseForm) and form.__module__ == module.name):
                continue
            for name, field in getattr(form, "base_fields", {}).items():
                is_one = isinstance(field, EmailAddressInput | EmailListField | forms.EmailField)
                if (is_one or NAMED_LIKE_ONE.fullmatch(name)) and (form.__name__, name) not in OTHER_FIELDS:
                    yield f"{form.__name__}.{name}", _sign_in_name if form is SignInForm else field.clean


def _sign_in_name(text: str) -> str:
    form = SignInForm()
    form.cleaned_data = {"username": form.fields["username"].clean(text)}
    return form.clean_username()


ARGUMENTS = {
    ("invite", "address"),
    ("reset_second_factor", "email"),
    ("send_test", "mailbox"),
    ("send_test", "to"),
    ("sign_in_link", "email"),
}
"""Played in test_address_inputs.py."""


def command_inputs() -> set[tuple[str, str]]:
    return {
        (command, action.dest)
        for command, app in get_commands().items()
        if app.startswith("alertadmin")
        for action in load_command_class(app, command).create_parser("x", command)._actions
        if _takes_address(action)
    }


def _takes_address(action: Action) -> bool:
    words = f"{action.dest} {action.metavar or ''}"
    return action.nargs != 0 and any(NAMED_LIKE_ONE.fullmatch(word) for word in words.split())


def setting_inputs() -> set[str]:
    return {setting.name for setting in SETTINGS if re.search(r"FROM|MAIL|RECIPIENT|CONTACT|ADMIN|_TO\b", setting.name)}


def column_inputs() -> Iterator[tuple[str, Read]]:
    for column in COLUMNS:
        if NAMED_LIKE_ONE.fullmatch(column):
            yield f"column {column}", lambda text, column=column: _cell(column, text)  # type: ignore[misc]


class _Zones:
    def zone_of(self, directory_id: str) -> ZoneInfo | None:
        return None


def _cell(column: str, text: str) -> str | list[str]:
    cells = dict.fromkeys(COLUMNS, "") | {"directory_id": "a268aa87-2607-479d-a050-914a9d33a01c", column: text}
    cells |= {"client_id": "9a2ef80f-58ee-4571-b499-8d7c4093f6de"}
    parser = RowParser()
    rows, mistakes = parser.parse([Row(2, cells)], _Zones())
    if mistakes:
        raise forms.ValidationError(mistakes[0].message)
    value = rows[0].mailbox if column == "mailbox" else rows[0].contacts
    return value if isinstance(value, str) else list(value)


def model_inputs() -> Iterator[tuple[str, Read]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields if model.__module__.startswith("alertadmin.") else ():
            if isinstance(field, EmailField):
                yield f"{model.__name__}.{field.name}", lambda text, field=field: field.clean(text, None)  # type: ignore[misc]
    yield "clean_stored", clean_stored
