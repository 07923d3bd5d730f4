from __future__ import annotations

import os
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from alertadmin import environment
from alertadmin.demo import environment as demo_environment
from alertadmin.paths import management_command
from alertadmin.supervisor import bootstrap
from alertadmin.supervisor.errors import NotStarted
from alertadmin.supervisor.up import start


class Command(BaseCommand):
    help = "Starts web server, worker with scheduler, and embedded broker. Ctrl-C or SIGTERM stops them."
    requires_system_checks = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "Example:\n  ./run --port 8080 --data /srv/alertadmin"
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--setup", action="store_true", help="install and migrate everything, start nothing")
        parser.add_argument("--demo", action="store_true", help="with a sandbox as Microsoft 365 and example data")
        parser.add_argument("--host", help="address to listen on (default 127.0.0.1: this machine only)")
        parser.add_argument("--port", type=int, help="port to listen on (default 8000)")
        parser.add_argument("--data", metavar="DIR", help="data folder (default var/; demo: demo-data/)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _restart_with(options)
            data_dir = settings.ENVIRONMENT.data_dir
            if options["setup"]:
                bootstrap.prepare(upgrade=True)
                self.stdout.write(f"Ready: data in {data_dir}. Start it with ./run")
            else:
                start(demo_environment.Demo(data_dir) if options["demo"] else None)
        except (NotStarted, environment.BadEnvironment) as error:
            self.stderr.write(str(error))
            sys.exit(getattr(error, "exit_code", 1))


def _restart_with(options: dict[str, Any]) -> None:
    """Execute this process again with the options as environment variables, if they change any: Django's settings were
    read before the options."""
    environ = dict(os.environ)
    for name in ("host", "data"):
        if options[name] is not None and not str(options[name]).strip():
            raise NotStarted(f"--{name} has no value. Leave it out, or see ./run --help.")
    folder = Path(options["data"]).expanduser().absolute() if options["data"] else None
    if options["demo"]:
        environ = demo_environment.environ(environ, folder or demo_environment.FOLDER)
    else:
        environ = demo_environment.without(environ)
        if folder:
            environ["ALERTADMIN_DATA_DIR"] = str(folder)
        if demo_environment.is_of_demonstration(found := environment.read(environ).data_dir):
            raise NotStarted(
                f"{found} holds a demonstration. Start it with --demo, or choose another folder with --data."
            )
    if options["host"] or options["port"] is not None:
        host, port = environment.read(environ).bind
        host, port = options["host"] or host, port if options["port"] is None else options["port"]
        environ["ALERTADMIN_BIND"] = f"{host}:{port}"
    if environ != dict(os.environ):
        environment.read(environ).bind  # noqa: B018 (raises BadEnvironment here rather than at the import of the settings)
        arguments = [flag for flag in ("--setup", "--demo") if options[flag.removeprefix("--")]]
        if options["demo"]:
            # The new process computes the same environment again.
            arguments += [f"--{name}={options[name]}" for name in ("host", "port", "data") if options[name] is not None]
        os.execve(sys.executable, management_command("up", *arguments), environ)  # noqa: S606
