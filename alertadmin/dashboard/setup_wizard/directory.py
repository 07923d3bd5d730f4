"""Step 1, directory: found at Microsoft by domain, address or ID."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts import languages
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.accounts.time_zones import TimeZoneFormField
from alertadmin.audit import AuditAction
from alertadmin.dashboard.setup_wizard.base import page, step
from alertadmin.dashboard.setup_wizard.portal_steps import PATHS
from alertadmin.dashboard.setup_wizard.progress import STEPS, url
from alertadmin.dashboard.ui.email_list_field import ContactListField
from alertadmin.dashboard.ui.name_field import NameField
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.dashboard.ui.time_zone_input import TimeZoneInput
from alertadmin.registry import input_validation
from alertadmin.registry.clouds import cloud_choices
from alertadmin.registry.models import SetupProgress, Tenant
from alertadmin.registry.registration import set_contacts
from alertadmin.registry.tenant_discovery import TenantFound, find_directory
from mailer.clouds import BUILTIN
from mailer.diagnosis.portal_links import PortalContext, links


class DirectoryForm(forms.Form):
    """Queries Microsoft in `clean`; the result is in `found`."""

    directory = forms.CharField(
        label=gettext_lazy("Domain, or Directory (tenant) ID"),
        max_length=253,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "northpark.com"}),
        help_text=gettext_lazy("The part of your e-mail addresses after the @ is enough."),
    )
    cloud = forms.ChoiceField(
        label=gettext_lazy("Cloud"),
        help_text=gettext_lazy("Worldwide, unless your administrators sign in at a different address."),
    )
    name = NameField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=input_validation.LONGEST_NAME,
        help_text=gettext_lazy("What your colleagues call this customer or company. Leave empty for the domain."),
    )
    time_zone = TimeZoneFormField(
        label=gettext_lazy("Time zone"),
        widget=TimeZoneInput,
        help_text=gettext_lazy("Expiry dates are read in it."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), required=False, help_text=gettext_lazy("Language of its reminders.")
    )
    contacts = ContactListField(
        label=gettext_lazy("Contacts"),
        help_text=gettext_lazy(
            "Notified before a secret expires: one e-mail address per line. Leave empty to notify the administrators."
        ),
    )

    halves = ("directory", "cloud", "time_zone", "language")
    found: TenantFound

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cloud"].choices = cloud_choices()  # type: ignore[attr-defined]
        self.fields["language"].choices = languages.of_a_tenant()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("directory") and data.get("cloud"):
            try:
                self.found = find_directory(data["directory"], data["cloud"])
            except forms.ValidationError as error:
                self.add_error("cloud" if error.code == "other_cloud" else "directory", error)
        return data


@require_right(Right.CHANGE)
def guide(request: HttpRequest) -> HttpResponse:
    """Start a guide, or list the unfinished ones. `?tenant=` starts at step 2."""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    known = get_from_query(request, "tenant", Tenant.objects.all())
    form = DirectoryForm(request.POST or None, initial={"time_zone": request.user.time_zone})
    if request.method == "POST":
        if known:
            return redirect(url(_start_or_resume(request.user, known), "application"))
        access_of(request).require(Right.CHANGE)  # only administrators of all tenants add tenants
        if form.is_valid():
            with transaction.atomic():
                begun = _start_or_resume(request.user, _tenant(request, form))
            return redirect(url(begun, "application"))
    context = {
        "form": form,
        "existing_tenant": known,
        "unfinished_setups": unfinished_guides(request),
        "path": PATHS["directory"],
        "links": links(PATHS["directory"].pages, PortalContext(BUILTIN["global"]), _),
        "names": STEPS.values(),
        "number": 1,
    }
    return render(request, "setup_wizard/begin.html", context)


@require_right(Right.CHANGE, of=SetupProgress)
@step("directory")
def guide_directory(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    """Show the directory; it can be changed until it has an application."""
    if guide.app:
        return page(request, guide, "directory")
    initial = {
        "directory": guide.tenant.domain or guide.tenant.directory_id,
        "cloud": guide.tenant.cloud,
        "time_zone": guide.tenant.time_zone,
        "language": guide.tenant.language,
    }
    if request.method == "POST":
        access_of(request).require(Right.CHANGE)
    form = DirectoryForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            guide.tenant = _tenant(request, form)
            guide.save(update_fields=["tenant"])
        return redirect(url(guide, "application"))
    return page(request, guide, "directory", form=form)


def unfinished_guides(request: HttpRequest) -> list[SetupProgress]:
    """The user's unfinished guides, newest first."""
    mine = SetupProgress.objects.filter(person=request.user.pk)
    return list(access_of(request).visible(mine, Right.CHANGE).select_related("tenant", "app"))


def _start_or_resume(person: User, tenant: Tenant) -> SetupProgress:
    """Reuse an unfinished guide without an application in this directory, instead of starting a second one."""
    return SetupProgress.objects.filter(person=person, tenant=tenant, app=None).first() or SetupProgress.objects.create(
        person=person, tenant=tenant
    )


def _tenant(request: HttpRequest, form: DirectoryForm) -> Tenant:
    """Return the registered tenant, adding only missing contacts, or create it."""
    data, found = form.cleaned_data, form.found
    known = Tenant.objects.filter(directory_id=found.directory_id).first()
    if known:
        if data["contacts"] and not known.contacts.exists():
            with audit.record_change(AuditAction.TENANT_CHANGED, known) as details:
                details["contacts"] = set_contacts(known, data["contacts"])
        messages.success(request, _("This directory is already registered as “%(name)s”.") % {"name": known.name})
        return known
    tenant = Tenant(
        name=data["name"] or found.domain or found.directory_id,
        directory_id=found.directory_id,
        domain=found.domain,
        cloud=data["cloud"],
        time_zone=data["time_zone"],
        language=data["language"],
    )
    tenant.full_clean()
    with audit.record_save(AuditAction.TENANT_CREATED, AuditAction.TENANT_CHANGED, tenant) as details:
        tenant.save()
        details["contacts"] = set_contacts(tenant, data["contacts"])
    messages.success(request, _("Found: directory %(id)s.") % {"id": found.directory_id})
    return tenant
