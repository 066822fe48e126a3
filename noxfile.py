"""Every task of a developer and of CI: `nox -l` lists them.

Owns: which environment a task needs, when it is built anew, and what the task runs.
Never: holds a check of its own; checks live in tests/ and in the tools' settings in pyproject.toml.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NoReturn

import nox

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
NATIVE_STAMP = ROOT / "target" / "native.stamp"
VENV_STAMP = "onepark.stamp"
GRACE_S = 60.0  # what a test run gets to end its servers

FOLDERS = {
    "unit": "tests/unit",
    "store": "tests/store",
    "http": "tests/http",
    "flows": "tests/flows",
    "deploy": "tests/deploy",
    "parity": "tests/parity",
    "arch": "tests/architecture",
}

nox.needs_version = ">=2026.10"
nox.options.sessions = ["check"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True


def end_like_ctrl_c(*_: object) -> NoReturn:
    """Turn SIGTERM into what a terminal does on Ctrl-C: nox alone would leave the rest running."""
    for pid in below(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    raise KeyboardInterrupt


def below(pid: int) -> list[int]:
    """Return the processes below one that share our process group."""
    children = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _state, parent, group, *_ = file.read_text().rpartition(")")[2].split()
            if int(parent) == pid and int(group) == os.getpgrp():
                children.append(int(file.parent.name))
    return children + [deep for child in children for deep in below(child)]


signal.signal(signal.SIGTERM, end_like_ctrl_c)
os.environ["PATH"] += os.pathsep + str(Path.home() / ".cargo" / "bin")


def find_toolchains() -> None:
    """Let rustup find its toolchains when HOME is not the one that it was installed under."""
    cargo = shutil.which("cargo")
    if (
        cargo is None
        or "RUSTUP_HOME" in os.environ
        or (Path.home() / ".rustup" / "toolchains").is_dir()
    ):
        return
    beside = Path(cargo).parents[2] / ".rustup"
    if beside.is_dir():
        os.environ["RUSTUP_HOME"] = str(beside)


find_toolchains()


@nox.session
def fmt(session: nox.Session) -> None:
    """Format Python and Rust in place."""
    need_rust(session, "fmt")
    install_tools(session)
    session.run("ruff", "format", *session.posargs)
    session.run("cargo", "fmt", "--all", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, clippy, both formatters and squawk; a warning is an error."""
    need_rust(session, "fmt", "clippy")
    install_tools(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("squawk", *map(str, sorted(Path("migrations").glob("*.sql"))))
    session.run("cargo", "fmt", "--all", "--check", external=True)
    clippy = ("cargo", "clippy", "--locked", "--workspace", "--all-targets")
    session.run(*clippy, "--", "-D", "warnings", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Mypy strict over sources and tests; the stub of the native module against the module."""
    install(session, "test", "types", "bench", "load")
    folders = ("src", "tests", "tools", "benchmarks", "loadtests")
    session.run("mypy", *session.posargs or folders)
    session.run("python", "-m", "mypy.stubtest", "onepark._native")


@nox.session
def build(session: nox.Session) -> None:
    """Build the native module in place, in release mode."""
    NATIVE_STAMP.unlink(missing_ok=True)
    install(session)


@nox.session
def rust(session: nox.Session) -> None:
    """Test the Rust core alone."""
    need_rust(session)
    cargo_test(session)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test from nothing; with arguments, pytest alone with these arguments."""
    install(session, "test", "load")
    if not session.posargs:
        cargo_test(session)
    session.run(
        "python",
        "-m",
        "pytest",
        *session.posargs,
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


def one_folder(name: str, folder: str) -> None:
    """Make a task that runs one folder of tests in the environment of `tests`."""

    def run_folder(session: nox.Session) -> None:
        session.notify("tests", [folder, *session.posargs])

    run_folder.__doc__ = f"Run {folder} alone."
    nox.session(name=name, venv_backend="none")(run_folder)


for _name, _folder in FOLDERS.items():
    one_folder(_name, _folder)


@nox.session
def tests_debian(session: nox.Session) -> None:
    """Run the tests on Debian's PostgreSQL 15 and Redis, installed if missing, on free ports."""
    install(session, "test", "load")
    session.run(
        "python",
        "tools/debian_servers.py",
        *("python", "-m", "pytest", *session.posargs),
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure ratios beside peers and limits; --only ID,ID and --json FILE go after --."""
    install(session, "bench")
    session.run(
        "python",
        *("-m", "benchmarks.run"),
        *session.posargs,
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


@nox.session
def misreads(session: nox.Session) -> None:
    """Measure how misread exits find their cars; arguments after -- go to the script."""
    install(session)
    session.run("python", "-m", "benchmarks.misreads", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Load a city and check its books; --scenario NAME and --minutes N go after --."""
    install(session, "load")
    session.run(
        "python",
        *("-m", "loadtests.run"),
        *session.posargs,
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


@nox.session
def faults(session: nox.Session) -> None:
    """Break the platform under traffic and look for what was lost; arguments after --."""
    install(session, "test")
    session.run(
        "python",
        *("-m", "tests.faults.run"),
        *session.posargs,
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


@nox.session
def power_cuts(session: nox.Session) -> None:
    """Cut the power under traffic: XFS reflinks as root; --control must lose."""
    install(session, "test")
    session.run("python", "-m", "tests.faults.power", *session.posargs)


@nox.session
def restore_drill(session: nox.Session) -> None:
    """Back a city up under traffic, restore it to many moments and compare; arguments after --."""
    install(session, "test")
    session.run(
        "python",
        *("-m", "tests.faults.restore"),
        *session.posargs,
        interrupt_timeout=GRACE_S,
        terminate_timeout=GRACE_S,
    )


@nox.session
def up(session: nox.Session) -> None:
    """Serve a demo city with its traffic; arguments after -- go to `onepark up`.

    The city takes this process over, so every signal reaches it and its exit status is ours.
    """
    install(session)
    program = Path(session.bin) / "onepark"
    path = os.pathsep.join((session.bin, os.environ["PATH"]))
    venv = str(Path(session.virtualenv.location).resolve())
    session.log(" ".join(("onepark", "up", *session.posargs)))
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": venv}
    os.execve(program, [str(program), "up", *session.posargs], environment)


@nox.session(venv_backend="none")
def check(session: nox.Session) -> None:
    """Lint, types, tests."""
    for name in ("lint", "types", "tests"):
        session.notify(name)


def cargo_test(session: nox.Session) -> None:
    # The bindings hold no decision and no test; linking them needs a Python that embeds.
    session.run("cargo", "test", "--locked", "--package", "onepark-core", external=True)


def install_tools(session: nox.Session) -> None:
    """Put the linters into the session; they need nothing of the platform."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))


def install(session: nox.Session, *groups: str) -> None:
    """Put the platform into the session, its native module built; nothing if nothing changed."""
    need_rust(session)
    stamp = Path(session.virtualenv.location) / VENV_STAMP
    state = f"{digest()} {' '.join(groups)}"
    if text(stamp) == state and text(NATIVE_STAMP) == digest() and native_module().exists():
        return
    session.log("installing and building; the first time this takes some minutes")
    packages = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    session.install("--editable", ".[embedded]", *packages)
    NATIVE_STAMP.parent.mkdir(exist_ok=True)
    NATIVE_STAMP.write_text(digest())
    stamp.write_text(state)


def native_module() -> Path:
    """Return the built module; a path that does not exist if there is none."""
    found = sorted((ROOT / "src" / "onepark").glob("_native*.so"))
    return found[0] if found else ROOT / "src" / "onepark" / "_native.so"


def digest() -> str:
    """Return a fingerprint of all that an installed environment is made from."""
    files = [ROOT / "pyproject.toml", ROOT / "Cargo.toml", ROOT / "Cargo.lock"]
    files += sorted(path for path in (ROOT / "native").rglob("*") if path.is_file())
    made_from = hashlib.sha256(sys.version.encode())
    for file in files:
        made_from.update(f"\0{file.relative_to(ROOT)}\0{text(file)}".encode())
    return made_from.hexdigest()


def text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def need_rust(session: nox.Session, *parts: str) -> None:
    """End the session in plain words where the Rust toolchain or a part of it is missing."""
    if shutil.which("cargo") is None:
        session.error("A Rust toolchain is needed, but there is no cargo on the PATH.")
    wanted = tomllib.loads(text(ROOT / "Cargo.toml"))["workspace"]["package"]["rust-version"]
    found = re.search(r"(\d+)\.(\d+)", said("cargo", "--version"))
    if found is None or tuple(map(int, found.groups())) < tuple(map(int, wanted.split("."))):
        session.error(f"Rust {wanted} or later is needed; cargo says: {said('cargo', '--version')}")
    for part in parts:
        if not said("cargo", part, "--version"):
            component = {"fmt": "rustfmt"}.get(part, part)
            session.error(f"cargo {part} is missing: rustup component add {component}")


def said(*command: str) -> str:
    """Return what a command printed, or nothing if it failed."""
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""
