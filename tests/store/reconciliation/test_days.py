"""Bills of simulated providers meet our books in PostgreSQL, over the real adapters."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from onepark.contexts.payments.model import TradeFact, TradeState
from onepark.contexts.reconciliation.errors import DayInvalid
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.kernel.types import Fen
from onepark.simulator.providers.bills import fee_of
from tests.store.reconciliation.conftest import World, an_attempt, paid, paid_there

BOTH = pytest.mark.parametrize("channel", ["wechat", "alipay"])


async def state_of(world: World, attempt) -> str:
    state = await world.owner.fetchval(
        "SELECT state FROM payments.attempt WHERE attempt_no = $1", attempt.attempt_no
    )
    assert isinstance(state, str)
    return state


@BOTH
async def test_a_day_on_which_all_agree_leaves_nothing_open(world, channel):
    attempts = [await paid(world, channel) for _ in range(3)]
    await world.go_to(1, 10)
    await world.run()
    assert await world.open() == []
    trade, fund = await world.file_of("trade", channel), await world.file_of("fund", channel)
    total = sum(attempt.amount_fen for attempt in attempts)
    assert (trade["state"], trade["rows"], trade["trade_fen"]) == ("read", 3, total)
    assert trade["fee_fen"] == sum(fee_of(attempt.amount_fen) for attempt in attempts)
    assert (fund["state"], fund["rows"]) == ("read", 6)
    assert trade["matched_at"] == fund["matched_at"] == world.clock.at


async def test_no_bill_is_asked_for_before_ten(world):
    await paid(world)
    await world.go_to(1, 9)
    await world.run()
    row = await world.owner.fetchrow(
        "SELECT FROM reconciliation.day WHERE channel = 'wechat' AND day = $1", world.day
    )
    assert row is None


@BOTH
@pytest.mark.parametrize(
    ("fault", "difference"),
    [("one_fen_off", "amount_differs"), ("missing_row", "ours_only"), ("extra_row", "theirs_only")],
)
async def test_a_fault_in_a_bill_is_found_and_named(world, channel, fault, difference):
    first, _ = await paid(world, channel), await paid(world, channel)
    await world.wish(provider=channel, fault=fault, only="trade")
    await world.go_to(1, 10)
    await world.run()
    found = [one for one in await world.open() if one[0] != "bank_differs"]
    number = f"X{first.attempt_no[1:]}" if fault == "extra_row" else first.attempt_no
    off_fen = 1 if fault == "one_fen_off" else first.amount_fen
    assert found == [(difference, number, off_fen)]
    banks = [one for one in await world.open() if one[0] == "bank_differs"]
    assert len(banks) == 1, "the account did not move by what the bill says"


async def test_a_fee_that_is_a_fen_too_high_is_found(world):
    first = await paid(world)
    await world.wish(provider="wechat", fault="fee_off")
    await world.go_to(1, 10)
    await world.run()
    assert await world.open() == [("fee_differs", first.attempt_no, 1)]


async def test_an_account_that_moved_by_a_fen_more_is_found(world):
    await paid(world)
    await world.wish(provider="wechat", fault="one_fen_off", only="fund")
    await world.go_to(1, 10)
    await world.run()
    [(difference, _, off_fen)] = await world.open()
    assert (difference, off_fen) == ("bank_differs", 1)


@pytest.mark.parametrize(("fault", "reason"), [("wrong_totals", "totals"), ("wrong_sha1", "sha1")])
async def test_a_file_that_cannot_be_believed_is_kept_and_fetched_again(world, fault, reason):
    first = await paid(world)
    await world.wish(provider="wechat", fault=fault)
    await world.go_to(1, 10)
    await world.run()
    refused = await world.file_of("trade")
    assert refused["state"] == "refused"
    assert refused["reason"].startswith(f"{reason}:")
    assert await world.open() == [], "nothing of it was believed"
    kept = await world.owner.fetchval(
        "SELECT refused FROM reconciliation.file WHERE day = $1 AND kind = 'trade'", world.day
    )
    assert kept == reason
    await world.wish(provider="wechat")
    await world.run()
    assert (await world.file_of("trade"))["state"] == "refused", "not before half an hour"
    world.clock.go(timedelta(minutes=31))
    await world.run()
    assert (await world.file_of("trade"))["state"] == "read"
    assert await world.open() == []
    assert await state_of(world, first) == "success"


async def test_a_bill_that_is_not_written_yet_is_asked_for_again(world):
    await paid(world)
    await world.wish(provider="wechat", fault="not_ready")
    await world.go_to(1, 10)
    await world.run()
    waiting = await world.file_of("trade")
    assert (waiting["state"], waiting["reason"]) == ("wanted", "STATEMENT_CREATING")
    await world.wish(provider="wechat")
    world.clock.go(timedelta(minutes=31))
    await world.run()
    assert (await world.file_of("trade"))["state"] == "read"


async def test_a_provider_that_is_down_costs_nothing_but_time(world):
    await paid(world)
    await world.go_to(1, 10)
    world.way.down = True
    await world.run()
    assert (await world.file_of("trade"))["state"] == "wanted"
    world.way.down = False
    world.clock.go(timedelta(minutes=31))
    await world.run()
    assert (await world.file_of("trade"))["state"] == "read"


@BOTH
async def test_what_nobody_told_us_of_is_paid_by_the_bill(world, channel):
    attempt = await an_attempt(world, channel)
    await paid_there(world, attempt)
    assert await state_of(world, attempt) == "pending"
    await world.go_to(1, 10)
    await world.run()
    assert await state_of(world, attempt) == "success"
    [difference] = await world.differences_of(attempt.attempt_no)
    assert (difference["class"], difference["resolution"]) == ("theirs_only", "believed")
    paid_fen = await world.owner.fetchval(
        "SELECT paid_fen FROM stays.stay_order WHERE order_no = $1", attempt.order_no
    )
    assert paid_fen == attempt.amount_fen


async def test_a_forged_notice_is_found_as_ours_only_and_becomes_an_incident(world):
    """A notice under a stolen key: well signed, of the right amount, and nobody has paid."""
    forged, honest = await an_attempt(world), await paid(world)
    async with world.service_db.transaction() as tx:
        await world.payments.believe_bill(tx, "wechat", a_lie(world, forged))
    assert await state_of(world, forged) == "success", "it was believed"
    await world.go_to(1, 10)
    await world.run()
    assert await world.open() == [("ours_only", forged.attempt_no, forged.amount_fen)]
    [before] = await world.differences_of(forged.attempt_no)
    assert before["incident_at"] is None, "the next day's bill may still name it"
    await world.go_to(2, 10)
    await world.run()
    [after] = await world.differences_of(forged.attempt_no)
    assert after["incident_at"] == world.clock.at
    assert after["owner"] == "platform"
    assert "pending" in after["note"] or "closed" in after["note"]
    assert await world.differences_of(honest.attempt_no) == []


async def test_a_forged_notice_is_found_on_a_day_without_any_bill(world):
    forged = await an_attempt(world)
    async with world.service_db.transaction() as tx:
        await world.payments.believe_bill(tx, "wechat", a_lie(world, forged))
    await world.go_to(1, 10)
    await world.run()
    assert (await world.file_of("trade"))["state"] == "empty"
    assert await world.open() == [("ours_only", forged.attempt_no, forged.amount_fen)]


async def test_a_payment_that_a_bill_forgot_is_no_incident_if_the_provider_stands_by_it(world):
    first, _ = await paid(world), await paid(world)
    await world.wish(provider="wechat", fault="missing_row")
    await world.go_to(2, 10)
    await world.run()
    [difference] = await world.differences_of(first.attempt_no)
    assert (difference["class"], difference["incident_at"]) == ("ours_only", None)
    assert (difference["owner"], difference["note"]) == ("provider", "the provider says success")


async def test_a_later_bill_ends_what_an_earlier_one_lacked(world):
    """Paid at 23:59 by our clock, and billed with the next day."""
    await world.go_to(0, 23)
    world.clock.go(timedelta(minutes=59))
    attempt = await paid(world)
    late = world.clock.at + timedelta(minutes=3)
    await world.owner.execute("ALTER TABLE payments.attempt DISABLE TRIGGER attempt_keeps_success")
    await world.owner.execute(
        "UPDATE payments.attempt SET paid_at = $2 WHERE attempt_no = $1",
        *(attempt.attempt_no, world.clock.at),
    )
    await move_trade(world, attempt, late)
    await world.go_to(1, 10)
    await world.run()
    assert await world.open() == [("ours_only", attempt.attempt_no, attempt.amount_fen)]
    await world.go_to(2, 10)
    await world.run()
    [difference] = await world.differences_of(attempt.attempt_no)
    assert (difference["resolution"], difference["closed_by"]) == ("matched_later", "bill")
    assert await world.open() == []


async def test_comparing_a_day_again_changes_nothing(world):
    attempts = [await paid(world) for _ in range(2)]
    await world.wish(provider="wechat", fault="one_fen_off")
    await world.go_to(1, 10)
    await world.run()
    before, fees = await world.differences(), await fees_of(world, attempts)
    assert len(before) > 0
    assert fees, "fees were posted"
    compared = await world.reconciliation.run_day("wechat", world.day)
    await asyncio.gather(*(world.reconciliation.run_day("wechat", world.day) for _ in range(3)))
    assert (compared.agreed, compared.believed) == (1, 0)
    assert await world.differences() == before
    assert await fees_of(world, attempts) == fees


async def test_fees_of_a_bill_go_into_the_books_once(world):
    attempts = [await paid(world) for _ in range(2)]
    await world.go_to(1, 10)
    await world.run()
    assert await fees_of(world, attempts) == sorted(
        fee_of(attempt.amount_fen) for attempt in attempts
    )


class NoLedger:
    """Books that cannot be written to."""

    async def post(self, tx, charged) -> None:
        raise RuntimeError("the books are away")


async def test_a_day_that_cannot_be_compared_holds_up_no_other(world):
    await paid(world)
    await world.go_to(1, 10)
    while await world.reconciliation.fetch_next():
        pass
    broken = Reconciliation(
        world.service_db,
        sources=world.reconciliation._sources,
        attempts=world.payments,
        refunds=world.refunds,
        fees=NoLedger(),
        fee_ppm={},
        clock=world.clock,
    )
    while await broken.match_next():
        pass
    waiting = await world.owner.fetch(
        "SELECT DISTINCT channel, day FROM reconciliation.day"
        " WHERE matched_at IS NULL AND state IN ('read', 'empty') AND kind <> 'bank'"
    )
    assert [tuple(row) for row in waiting] == [("wechat", world.day)]
    world.clock.go(timedelta(minutes=31))
    await world.run()
    assert (await world.file_of("trade"))["matched_at"] == world.clock.at


async def test_a_day_that_is_not_over_is_refused(world):
    with pytest.raises(DayInvalid):
        await world.reconciliation.run_day("wechat", world.day)
    with pytest.raises(DayInvalid):
        await world.reconciliation.run_day("coins", world.day - timedelta(days=1))


async def test_what_was_fetched_is_kept_as_it_came_for_ever(world):
    await paid(world)
    await world.go_to(1, 10)
    await world.run()
    for change in ("UPDATE reconciliation.file SET body = 'x'", "DELETE FROM reconciliation.line"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.owner.execute(change)


def a_lie(world: World, attempt) -> TradeFact:
    channel = world.payments.facts.channel("wechat")
    return TradeFact(
        out_trade_no=attempt.attempt_no,
        state=TradeState.SUCCESS,
        merchant=channel.merchant,
        app=channel.app,
        amount_fen=Fen(attempt.amount_fen),
        currency="CNY",
        provider_txn=f"forged-{attempt.attempt_no}",
        paid_at=world.clock.at,
    )


async def move_trade(world: World, attempt, at: datetime) -> None:
    """Let the provider have booked it a few minutes later than it told us."""
    answer = await world.simulator.post(
        f"/_simulator/trades/{attempt.attempt_no}/booked", json={"paid_at": at.isoformat()}
    )
    assert answer.status_code == 200, answer.text


async def fees_of(world: World, attempts) -> list[int]:
    rows = await world.owner.fetch(
        "SELECT amount_fen FROM ledger.posting JOIN ledger.journal USING (journal_id)"
        " WHERE kind = 'fee' AND account = 'provider_fee' AND about = ANY($1::text[])"
        " AND order_no IS NOT NULL AND lot_id IS NOT NULL"  # what clearing shares it by
        " ORDER BY amount_fen",
        [f"attempt:{attempt.attempt_no}" for attempt in attempts],
    )
    return [row[0] for row in rows]
