"""Every address of this installation. There is no other door, such as Django's admin, that would go past the roles and
the record."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("alertadmin.dashboard.urls"))]
