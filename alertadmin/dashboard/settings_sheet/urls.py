from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.settings_sheet import one_time_link_views, views

urlpatterns = [
    path("apps/<uuid:pk>/settings/", views.app_sheet, name="app-sheet"),
    path("apps/<uuid:pk>/settings/link/", one_time_link_views.create_link, name="app-link"),
    path("apps/<uuid:pk>/settings/link/revoke/", one_time_link_views.revoke, name="app-link-revoke"),
    path("secret/<str:token>/", one_time_link_views.open_link, name="secret-link"),
]
