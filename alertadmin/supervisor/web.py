"""What granian serves: the same application as alertadmin.wsgi, behind `wsgi_bridge`, in a process that ends with
granian's own."""

from __future__ import annotations

import resource
import warnings

from alertadmin.supervisor import parent_death_signal
from alertadmin.supervisor.wsgi_bridge import WsgiBridge

parent_death_signal.tie_to_leader()
# Each connection is a file to the kernel, and 1,024 is the usual limit: one client alone may open as many.
_most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_most, 16_384), _most))
# Static files are served from where the packages have them; there is no collected copy, and none is missed.
warnings.filterwarnings("ignore", message="No directory at")

from alertadmin.middleware import largest_body  # noqa: E402 (it needs the settings)
from alertadmin.wsgi import application as _wsgi  # noqa: E402 (it warns while it is imported)

application = WsgiBridge(_wsgi, largest_body)

__all__ = ["application"]
