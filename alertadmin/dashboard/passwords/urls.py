from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.passwords import views

urlpatterns = [
    path("profile/security/password/", views.change, name="password-change"),
    path("new-password/<str:token>/", views.new_password, name="new-password"),
    path("forgotten-password/", views.forgotten, name="forgotten-password"),
]
