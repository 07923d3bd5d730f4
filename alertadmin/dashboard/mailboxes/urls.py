from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.mailboxes import personal, views

urlpatterns = [
    path("mailboxes/", views.mailboxes, name="mailboxes"),
    path("mailboxes/add/", views.mailbox_add, name="mailbox-add"),
    path("mailboxes/add-on-premises/", views.mailbox_add_on_premises, name="mailbox-add-on-premises"),
    path("mailboxes/add-personal/", personal.add, name="mailbox-add-personal"),
    path("mailboxes/<uuid:pk>/sign-in/", personal.sign_in, name="mailbox-sign-in"),
    path("mailboxes/<uuid:pk>/sign-in/begin/", personal.begin, name="mailbox-sign-in-begin"),
    path("mailboxes/<uuid:pk>/sign-in/ask/", personal.ask, name="mailbox-sign-in-ask"),
    path("mailboxes/<uuid:pk>/sign-in/confirm/", personal.confirm, name="mailbox-sign-in-confirm"),
    path("mailboxes/<uuid:pk>/", views.mailbox, name="mailbox"),
    path("mailboxes/<uuid:pk>/edit/", views.mailbox_edit, name="mailbox-edit"),
    path("mailboxes/<uuid:pk>/delete/", views.mailbox_delete, name="mailbox-delete"),
    path("mailboxes/<uuid:pk>/test/", views.start_test, name="test-send"),
    path("mailboxes/<uuid:pk>/scope/", views.scope_try, name="mailbox-scope"),
    path("deliveries/<uuid:pk>/progress/", views.progress, name="test-send-progress"),
]
