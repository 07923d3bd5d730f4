from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.deliveries import views

urlpatterns = [
    path("deliveries/", views.deliveries, name="deliveries"),
    path("deliveries/<uuid:pk>/", views.delivery, name="delivery"),
    path("deliveries/<uuid:pk>/hasten/", views.hasten, name="delivery-hasten"),
]
