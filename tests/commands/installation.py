"""An installation without web server, worker and broker: a data folder, and `manage.py` as real processes."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.commands.fork_server import PATIENCE, ForkServer
from tests.supervisor.installation import PROJECT, clean_environ


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a process."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The JSON object that is the only output on stdout."""
        line, *rest = self.out.splitlines()
        assert rest == []
        data = json.loads(line)
        assert isinstance(data, dict)
        return data

    @property
    def sentence(self) -> str:
        """The error text; checks exit code 1, no output on stdout, and few lines on stderr."""
        assert (self.code, self.out) == (1, ""), self
        assert 0 < len(self.err) < 3000
        return self.err.strip()


@dataclass
class Installation:
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def but(self, **environ: str) -> Installation:
        """Return the same installation with these environment variables."""
        return Installation(self.folder, {**self.environ, **environ})

    def start(self, *arguments: str | bytes, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(PROJECT / "manage.py"), *arguments],
            env={**clean_environ(self.folder), **self.environ},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> Result:
        """Run by the fork server, which is faster than `start`; Python's variables (PYTHON…) have no effect there."""
        environ = {**clean_environ(self.folder), **self.environ}
        return _result(*fork_server().run([os.fsdecode(one) for one in arguments], environ, stdin))


@cache
def fork_server() -> ForkServer:
    """The fork server of the whole test run."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def finished(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Result:
    """Wait for a process that was started separately, and return its result."""
    out, err = process.communicate(stdin or None, timeout=PATIENCE)
    return _result(process.returncode, out or b"", err)


def _result(code: int, out: bytes, err: bytes) -> Result:
    result = Result(code, out.decode(), err.decode())
    assert "Traceback" not in result.out + result.err, result.err
    return result


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))
