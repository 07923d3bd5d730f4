from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.sheets import links, views

urlpatterns = [
    path("apps/<uuid:pk>/settings/", views.app_sheet, name="app-sheet"),
    path("apps/<uuid:pk>/settings/link/", links.make, name="app-link"),
    path("apps/<uuid:pk>/settings/link/revoke/", links.revoke, name="app-link-revoke"),
    path("secret/<str:token>/", links.open_link, name="secret-link"),
]
