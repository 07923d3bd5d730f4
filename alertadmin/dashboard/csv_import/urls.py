from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.csv_import import views

urlpatterns = [
    path("import/", views.importing, name="import"),
    path("import/template.csv", views.template, name="import-template"),
    path("import/<uuid:pk>/columns/", views.columns, name="import-columns"),
    path("import/<uuid:pk>/", views.preview, name="import-preview"),
    path("import/<uuid:pk>/refused.csv", views.refused, name="import-refused"),
    path("import/<uuid:pk>/stop/", views.stop, name="import-stop"),
]
