"""WSGI entry point, for granian."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alertadmin.settings")
application = get_wsgi_application()

from alertadmin.operator_log.process import log_started  # noqa: E402 (after logging is set up)

log_started("web")
