from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.status import views

urlpatterns = [path("watching/", views.watching, name="watching")]
