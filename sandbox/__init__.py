"""A simulated Microsoft 365 on loopback over TLS: Entra ID, Graph, EWS and SMTP, for the demo and the tests.

    with Sandbox(folder) as sandbox:
        tenant = sandbox.directory.add_tenant("Northpark Energy", "northpark.example")

It imports neither alertadmin nor mailer; they communicate only over the network.
"""

from __future__ import annotations

from sandbox.server.sandbox import Sandbox

__all__ = ["Sandbox"]
