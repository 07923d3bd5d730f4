"""The same as the guide, for those who would rather run a script: made of what is decided so far."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from alertadmin.accounts.declaring import allows
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.guide import standing
from alertadmin.dashboard.guide.page import guide_of
from alertadmin.registry import scripts, setting_up
from alertadmin.registry.clouds import known_cloud
from alertadmin.registry.models import Guide
from alertadmin.registry.permissions import Permission
from alertadmin.registry.setting_up import Plan


def plan_of(guide: Guide) -> Plan:
    app = guide.app or guide
    wanted = tuple(guide.app.wanted if guide.app else ()) or (Permission.MAIL_SEND,)
    return Plan(
        cloud=known_cloud(guide.tenant.cloud),
        directory_id=guide.tenant.directory_id,
        name=app.name,
        audience=app.audience,
        redirect_uri=app.redirect_uri,
        permissions=() if guide.is_scoped else wanted,
        keeps_drafts=guide.keeps_drafts,
        client_id=guide.app.client_id if guide.app else "",
    )


@allows(Right.CHANGE, of=Guide)
def guide_scripts(request: HttpRequest, pk: UUID) -> HttpResponse:
    guide = guide_of(request, pk)
    plan = plan_of(guide)
    scope = ""
    if guide.app and guide.mailbox:
        scope = scripts.scope_to_mailbox(guide.app, guide.place, guide.mailbox.address, guide.app.wanted)
    context = {
        "guide": guide,
        "azure": setting_up.azure_cli(plan),
        "powershell": setting_up.graph_powershell(plan),
        "scope": scope,
        "manifest": setting_up.manifest(plan),
        "lacks_smtp": Permission.SMTP_SEND in plan.permissions,
        "back": standing.url(guide, standing.first_open(guide)),
    }
    return render(request, "guide/scripts.html", context)
