from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.ews_migration import views

urlpatterns = [
    path("leaving-ews/", views.leaving_ews, name="leaving-ews"),
    path("leaving-ews/<uuid:pk>/", views.leaving_mailbox, name="mailbox-leaving"),
    path("mailboxes/<uuid:pk>/want-graph/", views.require_graph_permission, name="mailbox-want-graph"),
    path("mailboxes/<uuid:pk>/to-graph/", views.mailbox_to_graph, name="mailbox-to-graph"),
]
