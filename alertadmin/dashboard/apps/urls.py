from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.apps import views

urlpatterns = [
    path("apps/", views.apps, name="apps"),
    path("apps/<uuid:pk>/", views.app, name="app"),
    path("apps/<uuid:pk>/edit/", views.app_edit, name="app-edit"),
    path("apps/<uuid:pk>/delete/", views.app_delete, name="app-delete"),
]
