from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.users import invitation_views, views

urlpatterns = [
    path("people/", views.user_list, name="members"),
    path("people/<int:pk>/", views.person, name="person"),
    path("people/<int:pk>/role/", views.person_role, name="person-role"),
    path("people/<int:pk>/role/withdraw/", views.person_role_withdraw, name="person-role-withdraw"),
    path("people/<int:pk>/switch/", views.person_switch, name="person-switch"),
    path("people/<int:pk>/reset/", views.person_reset, name="person-reset"),
    path("people/<int:pk>/delete/", views.person_delete, name="person-delete"),
    path("people/invite/", invitation_views.invite, name="invite"),
    path("people/invitations/<uuid:pk>/", invitation_views.invitation, name="invitation"),
    path("people/invitations/<uuid:pk>/renew/", invitation_views.renew, name="invitation-renew"),
    path("people/invitations/<uuid:pk>/revoke/", invitation_views.revoke, name="invitation-revoke"),
]
