from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.registering.views import registering

urlpatterns = [path("register/", registering, name="register")]
