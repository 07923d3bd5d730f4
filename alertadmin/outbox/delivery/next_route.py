"""The route by which a waiting delivery is likely to be tried next, shown on pages: the present choice of retry_rule.

Later attempts, of this delivery or another, may change it.
"""

from __future__ import annotations

from datetime import datetime

from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.delivery.retry_rule import RouteHealth, choose_route
from alertadmin.outbox.delivery.routes import Route
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.models import Delivery


def next_route(delivery: Delivery, now: datetime) -> Route | None:
    """None if no route will be available then."""
    router = Router.for_reminders(now)
    routes = {route.candidate: route for route in router.routes_for(delivery)}
    health = RouteHealth(route_health.latest({route.endpoint for route in routes.values()}, now))
    then = max(now, delivery.not_before)
    chosen = choose_route(route_health.history(delivery), list(routes), health, walk=None, now=then)
    return routes[chosen] if chosen is not None else None
