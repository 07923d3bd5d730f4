from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.bulk import views

urlpatterns = [
    path("bulk/", views.job_list, name="bulk-jobs"),
    path("bulk/select/", views.select, name="bulk-select"),
    path("bulk/<uuid:pk>/", views.job, name="bulk-job"),
    path("bulk/<uuid:pk>/stop/", views.stop, name="bulk-stop"),
    path("bulk/<uuid:pk>/again/", views.try_again, name="bulk-again"),
]
