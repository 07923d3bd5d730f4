from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.deliveries import restore_review, views

urlpatterns = [
    path("deliveries/", views.deliveries, name="deliveries"),
    path("deliveries/review/", restore_review.review, name="review"),
    path("deliveries/<uuid:pk>/", views.delivery, name="delivery"),
    path("deliveries/<uuid:pk>/hasten/", views.retry_now, name="delivery-hasten"),
    path("deliveries/<uuid:pk>/arrived/", views.confirm_arrived, name="delivery-arrived"),
    path("deliveries/<uuid:pk>/give-up/", views.give_up, name="delivery-give-up"),
]
