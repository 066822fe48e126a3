"""`onepark reprice`: a whole city's year, priced in one command.

Owns: its options, and the word for what is not installed.
Never: touches a database: the year is drawn, and one seed gives one year.
"""

from importlib import import_module

import click
import msgspec

from onepark.simulator.demo_city import SEED

STAYS, STAYS_MAX = 10_000_000, 1_000_000_000
SEED_MAX = 2**63 - 1


@click.command()
@click.option("--year", type=click.IntRange(2000, 2099), required=True, help="年份 Which year.")
@click.option(
    "--stays",
    type=click.IntRange(1, STAYS_MAX),
    default=STAYS,
    show_default=True,
    help="停车次数 How many stays.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    default=SEED,
    show_default=True,
    help="随机种子 One seed, one year.",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON Print JSON instead of a table.")
def reprice(*, year: int, stays: int, seed: int, as_json: bool) -> None:
    """重算全市一年 Draw a year of stays of the demonstration city and price all of them.

    Each stay is priced by itself: what carries over between visits of one car is left out.
    """
    try:
        repricing = import_module("onepark.app.repricing")
    except ImportError as error:
        raise click.ClickException(
            f"drawing a year needs more ({error}): pip install 'onepark[reprice]'"
        ) from error
    report = repricing.reprice_year(year=year, stays=stays, seed=seed)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    for line in report.lines():
        click.echo(line)
