"""Each secret field of a form is kept when another field is refused, or has a reason in a table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django import forms
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import get_resolver

from alertadmin.accounts.models import User
from alertadmin.dashboard.ui.kept_secrets import KeptSecretsForm, keeps_secrets

KEPT = {
    *("SecretForm.value", "OnPremisesForm.new_password", "ChannelForm.new_address"),
    *("AppDestination.new_secret", "AppForm.new_secret", "WizardApplicationForm.new_secret"),
}
NOT_KEPT = {
    "UploadForm.passphrase": "used once; the user chose it, and chooses its file again",
    "ConfirmForm.password": "proves who is there now",
    **dict.fromkeys(
        ("AcceptForm.password", "PasswordForm.password", "FirstAdministratorForm.password", "SignInForm.password"),
        "the user's own, who knows it",
    ),
    "AppPart.new_secret": "never shown: a new app has no stored secret for another client ID",
}


def all_forms() -> set[type[forms.BaseForm]]:
    get_resolver().url_patterns  # noqa: B018 (imports all views)
    found: set[type[forms.BaseForm]] = set()
    waiting: list[type[forms.BaseForm]] = [forms.Form, forms.ModelForm]
    while waiting:
        for form in waiting.pop().__subclasses__():
            waiting.append(form)
            if form.__module__.startswith("alertadmin."):
                found.add(form)
    return found


def secret_fields() -> Iterator[str]:
    """Each field of each form that hides what is typed."""
    for form in all_forms():
        for name, one in getattr(form, "base_fields", {}).items():
            if _is_secret(name, one):
                yield f"{form.__name__}.{name}"


def _is_secret(name: str, one: forms.Field) -> bool:
    return getattr(one.widget, "input_type", "") == "password" or name in ("new_secret", "new_address")


def test_each_secret_field_is_kept_or_has_its_reason() -> None:
    """A new one belongs into `keeps_secrets` of its view, or into the table above."""
    found = set(secret_fields())
    assert found == KEPT | NOT_KEPT.keys()


def test_each_kept_field_says_when_it_is_gone() -> None:
    forms_that_keep = {one.partition(".")[0] for one in KEPT}
    lacking = {form.__name__ for form in all_forms() if form.__name__ in forms_that_keep} - {
        form.__name__ for form in all_forms() if issubclass(form, KeptSecretsForm)
    }
    assert lacking == set()


@pytest.mark.django_db
def test_a_kept_field_leaves_the_other_secrets_out_of_error_reports(rf: RequestFactory) -> None:
    @keeps_secrets("value", also_sensitive=("passphrase",))
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(" ".join(request.sensitive_post_parameters))  # type: ignore[attr-defined]

    request = rf.post("/x/")
    request.user = User(email="a@x.example")
    assert view(request).content == b"value passphrase"
