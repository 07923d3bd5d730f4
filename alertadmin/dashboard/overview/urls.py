from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.overview.views import overview

urlpatterns = [path("", overview, name="overview")]
