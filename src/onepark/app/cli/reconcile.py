"""``onepark reconcile``: one day of one channel, fetched if need be and compared again.

Owns: its options, and how what was found is told.
Never: ends a difference that the books do not agree on.
"""

import asyncio
import os
from datetime import datetime

import click

from onepark.app.wiring import open_platform
from onepark.contexts.reconciliation.service import Compared
from onepark.infra.settings import from_env
from onepark.kernel.errors import Refusal


@click.command()
@click.option("--channel", required=True, help="渠道 Which channel, such as wechat.")
@click.option(
    "--day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="账单日期 Which day of bills."
)
def reconcile(*, channel: str, day: datetime) -> None:
    """重新对账 Fetch what is missing of a day's bills and compare it with our books once more.

    Doing so again changes nothing unless one of the books has changed.
    """
    try:
        compared = asyncio.run(_reconcile(channel, day))
    except Refusal as refusal:
        raise click.ClickException(f"{refusal.code}: {refusal.detail}") from refusal
    click.echo(
        f"{channel} {day:%Y-%m-%d}: {compared.agreed} agree, {compared.found} differ,"
        f" {compared.believed} believed by the bill"
    )


async def _reconcile(channel: str, day: datetime) -> Compared:
    async with open_platform(from_env(os.environ)) as platform:
        return await platform.money.reconciling.reconciliation.run_day(channel, day.date())
