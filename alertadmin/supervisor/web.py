"""The application that granian serves: alertadmin.wsgi behind `wsgi_bridge`. Its process ends with granian's main
process."""

from __future__ import annotations

import resource
import warnings

from alertadmin.supervisor import parent_death_signal
from alertadmin.supervisor.wsgi_bridge import WsgiBridge

parent_death_signal.tie_to_leader()
# Each connection is a file descriptor, of which a process usually may have 1,024: one client could use them all up.
_most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_most, 16_384), _most))
# Static files are served from the packages' folders; `collectstatic` is not used.
warnings.filterwarnings("ignore", message="No directory at")

from alertadmin.middleware import max_body  # noqa: E402 (it needs the settings)
from alertadmin.wsgi import application as _wsgi  # noqa: E402 (it warns while it is imported)

application = WsgiBridge(_wsgi, max_body)

__all__ = ["application"]
