from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.sheets import views

urlpatterns = [path("apps/<uuid:pk>/settings/", views.app_sheet, name="app-sheet")]
