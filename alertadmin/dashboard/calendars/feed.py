"""`/calendar/TOKEN.ics`: the feed for calendar apps, which cannot sign in. The token is the only proof.

The answer is the same 404 for a wrong, renewed or revoked address, and for a user who may not sign in or see the rows.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from alertadmin.accounts.decorators import public
from alertadmin.reminders.calendar import feeds, revocation
from alertadmin.reminders.models import CalendarFeed

CONTENT_TYPE = "text/calendar; charset=utf-8"


@public
@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponseBase:
    now = timezone.now()
    found = CalendarFeed.objects.by_token(token)
    if found is None or not revocation.may_be_fetched(found):
        return _for_nobody_else(HttpResponse(status=404, content_type="text/plain"), "no-store")
    found.record_fetch(now)
    shown = feeds.content_of(found, now)
    unchanged = get_conditional_response(request, etag=shown.etag)
    response: HttpResponseBase
    if isinstance(unchanged, HttpResponseNotModified) or request.method == "HEAD":
        response = unchanged or HttpResponse(content_type=CONTENT_TYPE)
    else:
        response = StreamingHttpResponse(iter(shown), content_type=CONTENT_TYPE)
        response.headers["Content-Disposition"] = 'inline; filename="alertadmin.ics"'
    response.headers["ETag"] = shown.etag
    # The calendar app may cache the feed, and must revalidate it each time.
    return _for_nobody_else(response, "no-cache")


def _for_nobody_else(response: HttpResponseBase, caching: str) -> HttpResponseBase:
    response.headers["Cache-Control"] = f"private, {caching}"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
