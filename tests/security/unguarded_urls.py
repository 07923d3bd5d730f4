"""Routes that the checker must report: one without a declaration, and one that does not name the model of its row."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("every customer's secrets")


@require_right(Right.LOOK)
def careless(request: HttpRequest, pk: object) -> HttpResponse:
    return HttpResponse("whosever it is")


urlpatterns = [
    path("", include("alertadmin.urls")),
    path("forgotten/", forgotten, name="forgotten"),
    path("nameless/", forgotten),
    path("careless/<uuid:pk>/", careless, name="careless"),
]
