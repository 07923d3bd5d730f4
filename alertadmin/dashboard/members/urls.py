from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.members import invitations, views

urlpatterns = [
    path("people/", views.members, name="members"),
    path("people/<int:pk>/", views.person, name="person"),
    path("people/<int:pk>/role/", views.person_role, name="person-role"),
    path("people/<int:pk>/role/withdraw/", views.person_role_withdraw, name="person-role-withdraw"),
    path("people/<int:pk>/switch/", views.person_switch, name="person-switch"),
    path("people/<int:pk>/reset/", views.person_reset, name="person-reset"),
    path("people/<int:pk>/delete/", views.person_delete, name="person-delete"),
    path("people/invite/", invitations.invite, name="invite"),
    path("people/invitations/<uuid:pk>/", invitations.invitation, name="invitation"),
    path("people/invitations/<uuid:pk>/renew/", invitations.renew, name="invitation-renew"),
    path("people/invitations/<uuid:pk>/revoke/", invitations.revoke, name="invitation-revoke"),
]
