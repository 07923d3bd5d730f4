"""Scripts that do the same as the guide, generated from the choices so far."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.setup_wizard import progress
from alertadmin.dashboard.setup_wizard.base import guide_of
from alertadmin.registry.clouds import known_cloud
from alertadmin.registry.models import SetupProgress
from alertadmin.registry.permissions import Permission
from alertadmin.registry.scripts import provisioning, snippets
from alertadmin.registry.scripts.provisioning import ProvisioningPlan


def plan_of(guide: SetupProgress) -> ProvisioningPlan:
    app = guide.app or guide
    wanted = tuple(guide.app.required_permissions if guide.app else ()) or (Permission.MAIL_SEND,)
    return ProvisioningPlan(
        cloud=known_cloud(guide.tenant.cloud),
        directory_id=guide.tenant.directory_id,
        name=app.name,
        audience=app.audience,
        redirect_uri=app.redirect_uri,
        permissions=() if guide.is_scoped else wanted,
        keeps_drafts=guide.keeps_drafts,
        client_id=guide.app.client_id if guide.app else "",
    )


@require_right(Right.CHANGE, of=SetupProgress)
def guide_scripts(request: HttpRequest, pk: UUID) -> HttpResponse:
    guide = guide_of(request, pk)
    plan = plan_of(guide)
    scope = ""
    if guide.app and guide.mailbox:
        scope = snippets.scope_to_mailbox(
            guide.app, guide.mailbox_tenant, guide.mailbox.address, guide.app.required_permissions
        )
    context = {
        "guide": guide,
        "azure": provisioning.azure_cli(plan),
        "powershell": provisioning.graph_powershell(plan),
        "scope": scope,
        "manifest": provisioning.manifest(plan),
        "lacks_smtp": Permission.SMTP_SEND in plan.permissions,
        "back": progress.url(guide, progress.first_open(guide)),
    }
    return render(request, "setup_wizard/scripts.html", context)
