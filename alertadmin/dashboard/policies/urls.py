from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.policies import views

urlpatterns = [
    path("reminders/", views.of_the_installation, name="policies"),
    path("tenants/<uuid:pk>/reminders/", views.of_a_tenant, name="tenant-policy"),
    path("apps/<uuid:pk>/reminders/", views.of_an_app, name="app-policy"),
]
