from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.mailboxes import device_code_views, views

urlpatterns = [
    path("mailboxes/", views.mailboxes, name="mailboxes"),
    path("mailboxes/add/", views.mailbox_add, name="mailbox-add"),
    path("mailboxes/add-on-premises/", views.mailbox_add_on_premises, name="mailbox-add-on-premises"),
    path("mailboxes/add-personal/", device_code_views.add, name="mailbox-add-personal"),
    path("mailboxes/<uuid:pk>/sign-in/", device_code_views.sign_in, name="mailbox-sign-in"),
    path("mailboxes/<uuid:pk>/sign-in/begin/", device_code_views.start_sign_in, name="mailbox-sign-in-begin"),
    path("mailboxes/<uuid:pk>/sign-in/ask/", device_code_views.ask, name="mailbox-sign-in-ask"),
    path("mailboxes/<uuid:pk>/sign-in/confirm/", device_code_views.confirm, name="mailbox-sign-in-confirm"),
    path("mailboxes/<uuid:pk>/", views.mailbox, name="mailbox"),
    path("mailboxes/<uuid:pk>/edit/", views.mailbox_edit, name="mailbox-edit"),
    path("mailboxes/<uuid:pk>/delete/", views.mailbox_delete, name="mailbox-delete"),
    path("mailboxes/<uuid:pk>/test/", views.start_test, name="test-send"),
    path("mailboxes/<uuid:pk>/scope/", views.send_as_other_mailbox, name="mailbox-scope"),
    path("deliveries/<uuid:pk>/progress/", views.progress, name="test-send-progress"),
]
