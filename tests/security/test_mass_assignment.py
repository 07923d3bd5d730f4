"""Fields that a form does not show are ignored in any request."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db.models import Model
from django.forms.models import model_to_dict
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Role
from tests.security.route_matrix import Person, Place, Whose
from tests.security.scenario import World

ADMINISTRATOR = Person(Role.ADMINISTRATOR, Place.ONE_TENANT)
EDITED = {
    "tenant-edit": "Tenant",
    "app-edit": "AppRegistration",
    "credential-edit": "Credential",
    "mailbox-edit": "Mailbox",
    "channel-edit": "Channel",
    "profile": "User",
}
"""Each page with one row's form, and the model of that row."""


def stored(row: Model) -> dict[str, Any]:
    return {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}


def alien(row: Model, world: World) -> dict[str, Any]:
    """Something else for every column: a foreign row's id, the other truth, a word of another's."""
    values: dict[str, Any] = {}
    theirs = world.keys[ADMINISTRATOR, Whose.FOREIGN]
    for field in row._meta.concrete_fields:
        if field.is_relation or field.primary_key:
            foreign = theirs.get(type(row).__name__ if field.primary_key else "Tenant")
            values |= {field.name: foreign, field.attname: foreign}
        elif field.get_internal_type() == "BooleanField":
            values[field.name] = "" if field.value_from_object(row) else "on"
        elif field.choices:
            others = [value for value, _label in field.flatchoices if value != field.value_from_object(row)]
            values[field.name] = others[0] if others else ""
        else:
            values[field.name] = "2001-01-01T00:00" if "Date" in field.get_internal_type() else uuid4().hex
    return {**values, "is_superuser": "on", "is_staff": "on", "role": "owner", "memberships": "1", "_state": "x"}


@pytest.mark.control(31)
@pytest.mark.parametrize("name", EDITED)
def test_what_a_form_does_not_show_is_not_taken_from_a_request(world: World, name: str) -> None:
    client = world.clients[ADMINISTRATOR]
    keys: dict[str, Any] = dict(world.keys[ADMINISTRATOR, Whose.OWN])
    keys["User"] = client.session["_auth_user_id"]
    model = {one.__name__: one for one in apps.get_models()}[EDITED[name]]
    key = keys[EDITED[name]]
    row = model._default_manager.get(pk=key)
    url = reverse(name, args=[] if name == "profile" else [key])
    form = client.get(url).context["form"]
    shown = set(form.fields)
    as_shown = {one: value for one, value in {**model_to_dict(row), **form.initial}.items() if one in shown}
    kept = {one: "" if value is None else value for one, value in as_shown.items() if value is not False}
    sent = {**alien(row, world), **kept}
    before, roles = stored(row), list(User.objects.get(pk=keys["User"]).memberships.values_list())
    response = client.post(url, sent)
    assert response.status_code == 302, response.context and response.context["form"].errors
    after = stored(model._default_manager.get(pk=key))
    changed = {one for one in before if one.removesuffix("_id") not in shown and after[one] != before[one]}
    assert changed <= {"updated_at", "changed_at"}, changed
    assert list(User.objects.get(pk=keys["User"]).memberships.values_list()) == roles
