"""``onepark jobs``: work with a calendar, looked at and asked for.

Owns: how runs are told, and asking for one now.
Never: does a run itself: ``onepark work`` does.
"""

import os
from collections.abc import Iterable

import click

from onepark.app.cli.asking import asked
from onepark.app.planned import CALENDAR
from onepark.infra import runs
from onepark.infra.clock import SystemClock
from onepark.infra.db import Tx
from onepark.infra.queue import key_of
from onepark.infra.runs import Past, Run

SHOWN_MAX = 100
NOBODY = "the calendar"


@click.group()
def jobs() -> None:
    """定时任务 Work with a calendar: what ran, what failed, and a run now."""


@jobs.command("list")
def list_jobs() -> None:
    """列出任务及最近一次运行 Every job, its calendar (China's time) and its last run."""
    last = asked(runs.last)
    for name in sorted({*CALENDAR, *last}):
        run = last.get(name)
        what = "never ran 从未运行" if run is None else f"{run.state} {run.key}"
        click.echo(f"{name:24} {CALENDAR.get(name, '-'):14} {what}")


@jobs.command()
def failed() -> None:
    """列出失败的运行 Runs that failed and are tried no more; exit status 1 if there are any."""
    found = asked(lambda tx: runs.past(tx, ["failed"], limit=SHOWN_MAX))
    _tell(found)
    if found:
        raise click.exceptions.Exit(1)


@jobs.command()
def waiting() -> None:
    """列出待运行 Runs that are due, or that wait to be tried again."""
    _tell(asked(lambda tx: runs.past(tx, ["due"], limit=SHOWN_MAX)))


@jobs.command()
@click.argument("name", type=click.Choice(sorted(CALENDAR)))
@click.option("--key", help="重新运行这一次 The run to do again; left out, a new one of now.")
def run(*, name: str, key: str | None) -> None:
    """立即运行一次 Ask for a run now; a worker does it within seconds."""
    at, by = SystemClock().now(), f"{os.environ.get('USER', 'somebody')} at a terminal"

    async def ask(tx: Tx) -> bool:
        if key is not None:
            return await runs.again(tx, Run(name, key), at, asked_by=by)
        return await runs.plan(tx, Run(name, f"asked {at.isoformat()}"), at, asked_by=by)

    if not asked(ask):
        raise click.ClickException(f"no run {key} of {name} has ended 该次运行不存在或未结束")
    click.echo(f"{name}: due now 已安排；onepark jobs list 查看结果")


def _tell(found: Iterable[Past]) -> None:
    for one in found:
        trouble = f": {one.trouble}" if one.trouble else ""
        click.echo(
            f"{one.name:24} {one.state:7} {one.key}  due {key_of(one.due_at)},"
            f" {one.tries} tries, by {one.asked_by or NOBODY}{trouble}"
        )
