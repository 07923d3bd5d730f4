from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.search.finder import clean_term, find


@require_right(Right.LOOK)
def search(request: HttpRequest) -> HttpResponse:
    """The results for `q`; for htmx in the menu the links alone."""
    term = clean_term(request.GET.get("q", ""))
    context = {"term": term, "groups": list(find(term, access_of(request))) if term else []}
    is_jump_list = request.headers.get("HX-Target") == "jump"
    return render(request, "search/results.html" if is_jump_list else "search/search.html", context)
