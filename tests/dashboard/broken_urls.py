"""The addresses of the installation, and two that break."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from alertadmin.accounts.declaring import for_oneself
from alertadmin.urls import urlpatterns as ours


@for_oneself
def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


@for_oneself
def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of ours, with a secret in it: hush")


urlpatterns = [path("forbidden/", forbidden), path("broken/", broken), *ours]
