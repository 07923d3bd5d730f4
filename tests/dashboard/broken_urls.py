"""The addresses of the installation, and two that break."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from alertadmin.accounts.decorators import login_only
from alertadmin.urls import urlpatterns as ours


@login_only
def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


@login_only
def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of ours, with a secret in it: hush")


urlpatterns = [path("forbidden/", forbidden), path("broken/", broken), *ours]
