from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.diagnosis.views import diagnosis

urlpatterns = [path("diagnosis/", diagnosis, name="diagnosis")]
