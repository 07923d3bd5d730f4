"""URLs. Django's admin is not installed, since it would bypass roles and the audit trail."""

from __future__ import annotations

from django.urls import include, path

handler400 = "alertadmin.middleware.bad_request"
urlpatterns = [path("", include("alertadmin.dashboard.urls"))]
