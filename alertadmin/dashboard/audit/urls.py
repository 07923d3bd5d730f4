from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.audit import views

urlpatterns = [
    path("audit/", views.trail, name="audit"),
    path("audit/export/", views.trail_export, name="audit-export"),
]
