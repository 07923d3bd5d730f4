from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.channels import views

urlpatterns = [
    path("channels/", views.channels, name="channels"),
    path("channels/add/", views.channel_add, name="channel-add"),
    path("channels/<uuid:pk>/", views.channel, name="channel"),
    path("channels/<uuid:pk>/edit/", views.channel_edit, name="channel-edit"),
    path("channels/<uuid:pk>/delete/", views.channel_delete, name="channel-delete"),
    path("channels/<uuid:pk>/test/", views.channel_test, name="channel-test"),
    path("channels/<uuid:pk>/pause/", views.channel_pause, name="channel-pause"),
    path("channels/<uuid:pk>/key/", views.channel_key, name="channel-key"),
]
