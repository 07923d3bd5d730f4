from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.lists import views

urlpatterns = [
    path("views/", views.saved_view_list, name="saved-views"),
    path("views/save/", views.saved_view_save, name="saved-view-save"),
    path("views/change/", views.saved_view_change, name="saved-view-change"),
    path("lists/density/", views.list_density, name="list-density"),
]
