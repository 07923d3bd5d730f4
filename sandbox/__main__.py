"""`python -m sandbox --folder DIR`: run the sandbox until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path

from sandbox import Sandbox, demo


def main() -> None:
    options = _options()
    # Blocked in every thread and handled by sigwait below, so that no signal interrupts the start.
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    # Not an option, since other users can see a program's arguments.
    key = os.environ.get("SANDBOX_KEY", "")
    with Sandbox(options.folder, options.port, options.smtp_port, options.relay_port, key=key) as sandbox:
        facts = {
            "url": sandbox.url,
            "ca_file": str(sandbox.ca_file),
            "clouds_file": str(sandbox.clouds_file),
            "smtp": f"{sandbox.smtp_host}:{sandbox.smtp_port}",
            "relay": f"{sandbox.relay_host}:{sandbox.relay_port}",
            "control": f"{sandbox.url}/_sandbox/",
            "mailbox_page": sandbox.mailbox_page,
            "demo": str(demo.fill(sandbox.directory, options.folder)) if options.demo else None,
        }
        print(json.dumps(facts), flush=True)
        signal.sigwait(stop_signals)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A simulated Microsoft 365 on loopback over TLS. Prints one line of JSON when it is ready.",
        epilog="example: python -m sandbox --folder var/sandbox --demo   (SANDBOX_KEY, if set, protects its own pages)",
    )
    parser.add_argument("--folder", type=Path, required=True, help="stores the CA, the directory and the ledger")
    for name, what in (("--port", "HTTPS"), ("--smtp-port", "SMTP submission"), ("--relay-port", "plain relay")):
        parser.add_argument(name, type=int, default=0, help=f"port for {what}; 0 takes a free one")
    parser.add_argument("--demo", action="store_true", help="adds three tenants and writes demo.json")
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    return options


if __name__ == "__main__":
    main()
