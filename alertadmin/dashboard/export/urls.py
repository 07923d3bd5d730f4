from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.export import report, views

urlpatterns = [
    path("export/", views.export, name="export"),
    path("report/", report.report, name="report"),
]
