from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.quick_add.views import registering

urlpatterns = [path("register/", registering, name="register")]
