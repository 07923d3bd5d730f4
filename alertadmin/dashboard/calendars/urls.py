from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.calendars import feed, views

urlpatterns = [
    path("calendar/<str:token>.ics", feed.calendar_feed, name="calendar-feed"),
    path("calendars/", views.calendars, name="calendars"),
    path("calendars/<uuid:pk>/", views.calendar, name="calendar"),
    path("calendars/<uuid:pk>/renew/", views.renew, name="calendar-renew"),
    path("calendars/<uuid:pk>/revoke/", views.revoke, name="calendar-revoke"),
]
