from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.csv_import import views

urlpatterns = [
    path("import/", views.importing, name="import"),
    path("import/template.csv", views.template, name="import-template"),
]
