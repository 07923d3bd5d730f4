"""A pytest plugin, loaded before Django's settings: each test process has a data folder and a key ring of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

KEPT = {"ALERTADMIN_DATABASE_URL"}
"""The one variable a test run may be given: the PostgreSQL to test on."""

for name in [name for name in os.environ if name.startswith("ALERTADMIN_") and name not in KEPT]:
    del os.environ[name]

FOLDER = Path(tempfile.mkdtemp(prefix="alertadmin-test-"))
(FOLDER / "static").mkdir()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
os.environ["ALERTADMIN_DATA_DIR"] = str(FOLDER)
os.environ["ALERTADMIN_SECRET_KEY"] = "only-for-tests-" + "x" * 40
os.environ["DJANGO_SETTINGS_MODULE"] = "alertadmin.settings"

# After the environment is set, because the ring's module reads the settings.
from alertadmin.crypto import keyring  # noqa: E402

keyring.create(FOLDER / "keys.json")
