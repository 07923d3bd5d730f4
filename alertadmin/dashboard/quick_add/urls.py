from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.quick_add.views import quick_add

urlpatterns = [path("register/", quick_add, name="register")]
