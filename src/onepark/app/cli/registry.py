"""``onepark registry``: the archive from the command line.

Owns: which file is read, what is printed, and where new keys are written.
Never: decides what a file may say.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from onepark.contexts.access.service import Audit
from onepark.contexts.registry.importing import BYTES_MAX, Tick, read_csv, read_json
from onepark.contexts.registry.model import ImportReport, Reading
from onepark.contexts.registry.service import RegistryImports
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from onepark.infra.settings import Settings, from_env, secret_key

ACTOR = "onepark registry import"
READERS: Mapping[str, Callable[[bytes, Tick], Reading]] = {".json": read_json, ".csv": read_csv}
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def registry() -> None:
    """停车场档案 The archive of operators, lots, lanes and devices."""


@registry.command("import")
@click.argument("file", type=EXISTING_FILE)
@click.option("--dry-run", is_flag=True, help="只检查，不写入。Check only; write nothing.")
@click.option(
    "--secrets-out",
    type=NEW_FILE,
    help="新设备密钥写入此文件（权限 0600）。Write the keys of new devices to this new file.",
)
def import_file(file: Path, *, dry_run: bool, secrets_out: Path | None) -> None:
    """导入 JSON 或 CSV：全部写入或全部不写。File a JSON or CSV file, all of it or nothing."""
    settings = from_env(os.environ)
    with _progress() as watch:
        reading = _read(file, watch("读取 reading"))
        report = asyncio.run(
            _import(reading, settings, dry_run=dry_run, out=secrets_out, tick=watch("写入 writing"))
        )
    _tell(report, dry_run=dry_run)
    sys.exit(1 if report.refused else 0)


def _read(file: Path, tick: Tick) -> Reading:
    read = READERS.get(file.suffix.lower())
    if read is None:
        raise click.ClickException(f"{file.name} is neither .json nor .csv")
    if file.stat().st_size > BYTES_MAX:
        raise click.ClickException(f"{file.name} is larger than {BYTES_MAX} bytes")
    return read(file.read_bytes(), tick)


async def _import(
    reading: Reading, settings: Settings, *, dry_run: bool, out: Path | None, tick: Tick
) -> ImportReport:
    database = await open_database(settings.database_url, Role.SERVICE, connections=1)
    try:
        imports = RegistryImports(
            database, secret_key(settings), audit=Audit(), clock=SystemClock()
        )
        report = await imports.import_reading(reading, actor=ACTOR, dry_run=True)
        if dry_run or report.refused or report.changes_nothing:
            return report
        if not report.new_devices:
            return await imports.import_reading(reading, actor=ACTOR, tick=tick)
        with _secrets_file(out) as secrets:
            report = await imports.import_reading(reading, actor=ACTOR, tick=tick)
            json.dump(dict(report.secrets), secrets, indent=1)
    finally:
        await database.close()
    return report


@contextmanager
def _secrets_file(out: Path | None) -> Iterator[IO[str]]:
    """Open a file that did not exist and that nobody else reads; drop it if the import fails."""
    if out is None:
        raise click.ClickException("new devices get keys: say where with --secrets-out FILE")
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"--secrets-out {out}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        with suppress(FileNotFoundError):
            out.unlink()
        raise


@contextmanager
def _progress() -> Iterator[Callable[[str], Tick]]:
    """Draw a bar a phase on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:

        def watch(phase: str) -> Tick:
            task = progress.add_task(phase, total=None)

            def tick(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            return tick

        yield watch


def _tell(report: ImportReport, *, dry_run: bool) -> None:
    for one in report.refused:
        click.echo(f"refused 拒绝: {one.section} row {one.row} {one.field}: {one.reason}", err=True)
    if report.refused:
        click.echo(f"{len(report.refused)} refused, nothing imported 有拒绝项，未导入任何数据")
    elif report.changes_nothing:
        click.echo(f"{report.same_lots} lots are as filed, nothing changed 档案一致，无变更")
    else:
        click.echo(
            f"{'would import' if dry_run else 'imported'}: "
            f"lots {report.new_lots} new, {report.changed_lots} changed, {report.same_lots} same; "
            f"operators {report.new_operators} new, {report.changed_operators} changed; "
            f"devices {report.new_devices} new"
        )
