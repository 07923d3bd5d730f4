"""`python -m tests.outages`: the whole table, some minutes long. Exit code 1 if a promise was broken in any cell.

On SQLite; on PostgreSQL as `python scripts/with_postgresql.py python -m tests.outages`.
"""

from __future__ import annotations

import argparse
import sys

from tests import pytest_environment as _data_folder  # noqa: F401 (sets the environment that Django's settings read)

# isort: split
import django
from django.core.management import call_command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outages", description=__doc__)
    parser.add_argument("--only", default="", help="cells alone whose label contains this, such as '504 · graph'")
    parser.add_argument("--broken", action="store_true", help="print the cells alone in which a promise was broken")
    options = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    # These import models, which exist only after the set-up.
    from tests.outages.cells import cells
    from tests.outages.report import print_table

    return print_table([cell for cell in cells() if options.only in cell.label], broken_only=options.broken)


if __name__ == "__main__":
    sys.exit(main())
