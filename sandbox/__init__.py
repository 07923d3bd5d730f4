"""A Microsoft 365 on loopback over real TLS: Entra ID, Graph, EWS, SMTP. For the demo and the tests.

    with Sandbox(folder) as sandbox:
        tenant = sandbox.directory.add_tenant("Northpark Energy", "northpark.example")

It knows nothing of alertadmin or mailer: they meet on the wire alone.
"""

from __future__ import annotations

from sandbox.server.sandbox import Sandbox

__all__ = ["Sandbox"]
