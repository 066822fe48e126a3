"""`onepark quote verify`: is an amount what its plan says.

Owns: where a quote and its plan are read from, and what is printed.
Never: trusts a number that it was told: every one is computed again.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

import click
import msgspec

from onepark.contexts.stays.views import OrderView
from onepark.contexts.tariffs.model import FiledPlan, QuoteAnswer
from onepark.contexts.tariffs.proof import differences
from onepark.infra.http_client import PeerUnavailable, open_http_client
from onepark.kernel.errors import Refusal

BYTES_MAX = 1_048_576
HTTP_OK = 200
UNREADABLE = 2  # the exit status of what cannot be judged
HASH = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


@click.group()
def quote() -> None:
    """计费结果 Quotes."""


@quote.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="收费规则文件 The plan, as JSON.",
)
@click.option(
    "--url", help="从该城市按哈希取规则 A served city to fetch the plan from by its hash."
)
def verify(file: BinaryIO, *, plan_file: Path | None, url: str | None) -> None:
    """复算一次计费 Compute a quote again from public data alone; FILE may be - for standard input.

    FILE holds what POST /v1/tariffs/quote answered, or an order as GET /v1/orders/… shows it. The
    plan is a member "plan" beside "quote", or comes from --plan or --url. Of an order, whose
    minutes are hidden, only the sums can be checked. The exit status is 0 if all is right, 1 if
    anything differs, 2 if it cannot be judged.
    """
    told = _object(file.read(BYTES_MAX + 1))
    if "order_no" in told:
        found = list(_wrong_sums(_as(told, OrderView)))
        _tell(found, "the sums of the order; its minutes are not public 订单金额合计相符")
    answer = _as(told.get("quote", told), QuoteAnswer)
    try:
        found = list(differences(answer, _body(told, answer, plan_file, url=url)))
    except Refusal as refusal:  # a span or a plan that nobody can price
        found = [f"{refusal.title} {refusal.detail}"]
    _tell(found, f"{answer.amount_fen} fen, quote_hash {answer.quote_hash}")


def _wrong_sums(order: OrderView) -> Iterator[str]:
    """Yield in which way an order does not add up."""
    if (total := sum(line.amount_fen for line in order.lines)) != order.fee_fen:
        yield f"lines: they add up to {total}, the fee is {order.fee_fen}"
    booked = order.paid_fen + order.due_fen + order.written_off_fen - order.refund_due_fen
    if booked != order.fee_fen and order.leave_before_at is None:
        yield f"fee_fen: {order.fee_fen}, but paid, due, written off and refund make {booked}"


def _body(
    told: dict[str, Any], answer: QuoteAnswer, plan_file: Path | None, *, url: str | None
) -> dict[str, Any]:
    """Return the plan from where it is given; its hash shows whether it is the right one."""
    if plan_file is not None:
        return _object(plan_file.read_bytes())
    if url is not None:
        return asyncio.run(_fetched(url, answer.plan_hash))
    if told.get("plan") is None:
        _cannot('no plan is given: put it into the file as "plan", or use --plan or --url')
    return _as(told["plan"], dict[str, Any])


async def _fetched(url: str, plan_hash: str) -> dict[str, Any]:
    if HASH.fullmatch(plan_hash) is None:
        _cannot("plan_hash is no SHA-256")
    where = f"{url.rstrip('/')}/v1/tariffs/plans/{plan_hash}"
    try:
        async with open_http_client() as client:
            answer = await client.request("GET", where, headers={})
    except PeerUnavailable as error:
        _cannot(f"the city does not answer: {error}")
    if answer.status != HTTP_OK:
        _cannot(f"the city answers {answer.status}: it has published no plan of this hash")
    return _as(_object(answer.body), FiledPlan).body


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > BYTES_MAX:
        _cannot(f"more than {BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        _cannot(f"this is no JSON object: {error}")


def _as(told: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        _cannot(f"this is no quote or order of OnePark: {error}")


def _tell(found: list[str], what: str) -> NoReturn:
    for word in found:
        click.echo(f"differs 不符: {word}")
    if not found:
        click.echo(f"equal 相符: {what}")
    sys.exit(1 if found else 0)


def _cannot(why: str) -> NoReturn:
    click.echo(f"cannot judge 无法判断: {why}", err=True)
    sys.exit(UNREADABLE)
