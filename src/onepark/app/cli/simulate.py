"""`onepark simulate`: a simulated city that drives through the public API.

Owns: the options of a run.
Never: simulates by itself.
"""

import asyncio
import secrets
import sys
from pathlib import Path

import click
import msgspec

from onepark.simulator.city.client import Failed
from onepark.simulator.city.run import Options, run

RATE = 20.0  # what 60,000 bays send in their busy hours, and more
RATE_MAX = 400.0
SEED_BITS = 32


@click.command()
@click.option(
    "--demo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=".onepark/demo.json",
    show_default=True,
    help="The description of a served demo city.",
)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Stop by itself after so many seconds of traffic.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, RATE_MAX),
    default=RATE,
    show_default=True,
    metavar="PASSAGES_PER_SECOND",
    help="How lively the city is; its own clock runs as fast as that needs.",
)
@click.option("--seed", type=int, help="Makes a run on a fresh city repeatable apart from timing.")
@click.option("--check", is_flag=True, help="Prove at the end that everything adds up.")
@click.option(
    "--backfill/--no-backfill",
    default=True,
    show_default=True,
    help="Begin with the cars that came in the last hours.",
)
def simulate(
    demo: Path,
    *,
    for_s: float | None,
    rate: float,
    seed: int | None,
    check: bool,
    backfill: bool,
) -> None:
    """让模拟城市跑起来 Let a simulated city drive in and out until SIGTERM or Ctrl-C.

    With --check and --for, counts, orders, payments and the payment providers' books are compared
    at the end; the exit status is 1 when they differ. Nobody else may drive or pay meanwhile.
    """
    if check and for_s is None:
        raise click.UsageError("--check needs --for: it compares when the time is over")
    options = Options(
        demo=demo,
        rate=rate,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        for_s=for_s,
        check=check,
        backfill=backfill,
    )
    try:
        adds_up = asyncio.run(run(options, sys.stdout))
    except (Failed, OSError, msgspec.DecodeError) as error:
        raise click.ClickException(f"the city of {demo} does not answer: {error}") from error
    if not adds_up:
        raise SystemExit(1)
