from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.tenants import views

urlpatterns = [
    path("tenants/", views.tenants, name="tenants"),
    path("tenants/<uuid:pk>/", views.tenant, name="tenant"),
    path("tenants/<uuid:pk>/edit/", views.tenant_edit, name="tenant-edit"),
    path("tenants/<uuid:pk>/delete/", views.tenant_delete, name="tenant-delete"),
]
