"""What granian serves: the same application as alertadmin.wsgi, in a process that ends with granian's own."""

from __future__ import annotations

import warnings

from alertadmin.house import tether

tether.tie_to_leader()
# Static files are served from where the packages have them; there is no collected copy, and none is missed.
warnings.filterwarnings("ignore", message="No directory at")

from alertadmin.wsgi import application  # noqa: E402 (it warns while it is imported)

__all__ = ["application"]
