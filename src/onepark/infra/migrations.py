"""Plain SQL migrations, applied by dbmate under its advisory lock.

Owns: which migrations a database lacks, and applying them.
Never: holds SQL of a context.
"""

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

TABLE = "schema_migrations"
APPLY_S = 300

APPLIED = f"SELECT version FROM public.{TABLE}"  # noqa: S608  a constant


class MigrationFailed(Exception):
    """dbmate refused; the message is what it said."""


def directory() -> Path:
    """Return the folder of the migrations: beside the sources, or inside the wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parents[1] / "migrations"


def versions() -> list[str]:
    """Return every version that this code knows, oldest first."""
    return sorted(file.name.split("_")[0] for file in directory().glob("[0-9]*.sql"))


def migrate(url: str) -> None:
    """Bring the database at ``url`` up to date; two at once wait for each other."""
    command = [
        str(Path(sys.executable).parent / "dbmate"),
        "--url",
        _without_tls(url),
        "--migrations-dir",
        str(directory()),
        "--migrations-table",
        TABLE,
        "--no-dump-schema",
        "--migration-lock",
        "migrate",
    ]
    done = subprocess.run(  # noqa: S603  our own arguments
        command, capture_output=True, check=False, timeout=APPLY_S
    )
    if done.returncode != 0:
        raise MigrationFailed(done.stderr.decode(errors="replace").strip())


async def pending(url: str) -> list[str]:
    """Return the versions that the database lacks."""
    connection = await asyncpg.connect(url)
    try:
        applied = {row["version"] for row in await connection.fetch(APPLIED)}
    except asyncpg.UndefinedTableError:
        applied = set()
    finally:
        await connection.close()
    return [version for version in versions() if version not in applied]


def _without_tls(url: str) -> str:
    """Say sslmode=disable for a loopback server that names no mode; dbmate asks for TLS."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if "sslmode" not in query and parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        query["sslmode"] = "disable"
    return urlunsplit(parts._replace(query=urlencode(query)))
