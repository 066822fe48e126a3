"""``onepark outbox``: facts on their way, and those that nobody could use.

Owns: how they are told, and what a person may do with a dead one.
Never: shows what a fact holds, or hands one on.
"""

import click

from onepark.app.cli.asking import asked
from onepark.app.outboxes import tables
from onepark.infra.clock import SystemClock

SHOWN_MAX = 100
OUTBOXES = {one.table: one for one in tables()}

Table = click.argument("table", type=click.Choice(sorted(OUTBOXES)))
Number = click.argument("number", type=click.IntRange(min=1))
By = click.option("--by", required=True, help="谁决定的 Who decided it; it is kept with the fact.")


@click.group()
def outbox() -> None:
    """事件发件箱 Facts that wait to be handed on, and those that nobody could use."""


@outbox.command("list")
def list_levels() -> None:
    """各类事件的积压 How much of each kind waits, for how long, and how much is dead."""
    for table, one in OUTBOXES.items():
        found = {level.fact: level for level in asked(one.levels)}
        for fact in one.facts:
            level = found.get(fact)
            waiting, oldest_s, dead = (0, 0.0, 0) if level is None else level[1:]
            click.echo(f"{table:18} {fact:32} {waiting:6} waiting {oldest_s:8.0f} s {dead:4} dead")


@outbox.command()
def dead() -> None:
    """无法处理的事件 Facts that wait for a person; the exit status is 1 if there are any."""
    any_dead = False
    for table, one in OUTBOXES.items():
        for fact in asked(lambda tx, one=one: one.dead(tx, limit=SHOWN_MAX)):  # type: ignore[misc]
            any_dead = True
            click.echo(
                f"{table} {fact.id} {fact.fact} of {fact.aggregate}: {fact.tries} tries"
                f" until {fact.dead_at.isoformat(timespec='seconds')}: {fact.trouble}"
            )
    if any_dead:
        raise click.exceptions.Exit(1)


@outbox.command()
@Table
@Number
@By
def retry(*, table: str, number: int, by: str) -> None:
    """重新处理 Have a dead fact tried anew; what waits behind it follows."""
    _told(asked(lambda tx: OUTBOXES[table].retry(tx, number, by=by)), table, number)


@outbox.command()
@Table
@Number
@By
def skip(*, table: str, number: int, by: str) -> None:
    """放弃 Give a dead fact up for good, so that what waits behind it goes on."""
    at = SystemClock().now()
    _told(asked(lambda tx: OUTBOXES[table].skip(tx, number, by=by, at=at)), table, number)


def _told(done: bool, table: str, number: int) -> None:  # noqa: FBT001  what was done
    if not done:
        raise click.ClickException(f"no dead fact {number} in {table} 没有该事件")
    click.echo(f"{table} {number}: done 已处理")
