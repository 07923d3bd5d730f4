"""Run a management command: the program `alertadmin` of the wheel, and `manage.py` of a checkout."""

from __future__ import annotations

import io
import json
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alertadmin.settings")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character outside the terminal's encoding is escaped instead of raising UnicodeEncodeError.
            stream.reconfigure(errors="backslashreplace")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed for this Python. Run ./run --setup, then use .venv/bin/python manage.py.")
    from alertadmin.environment import BadEnvironment

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BadEnvironment as error:
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"ok": False, "error": str(error)}) + "\n")
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output closed it. Python would report the broken pipe again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
