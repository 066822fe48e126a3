"""Refunds, payouts and duplicates as bills and bank statements show them."""

from datetime import date, datetime, timedelta

import pytest

from onepark.contexts.payments.model import Cause
from onepark.contexts.payments.refunds import BY_ITSELF
from onepark.contexts.reconciliation.meters import INCIDENTS, OPEN, ReconciliationMeters
from onepark.contexts.reconciliation.model import DayKey, Fetched, FileKind
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import CHINA, Fen
from onepark.simulator.providers import bills
from onepark.simulator.providers.bills import BillRow
from tests.store.reconciliation.conftest import World, paid

FINANCE = Principal(1, "lin", StaffRole.CITY_FINANCE, None)


async def row_of(world: World, attempt, **changes) -> BillRow:
    """What the provider's bill says of an attempt."""
    txn = await world.owner.fetchval(
        "SELECT provider_txn FROM payments.attempt WHERE attempt_no = $1", attempt.attempt_no
    )
    values = {
        "txn": txn,
        "out_trade_no": attempt.attempt_no,
        "amount_fen": attempt.amount_fen,
        "at": world.clock.at,
        "fee_fen": bills.fee_of(attempt.amount_fen),
    }
    return BillRow(**(values | changes))


async def bill(world: World, *rows: BillRow, day: date | None = None) -> None:
    """Take a trade bill of these rows and compare it."""
    text = bills.wechat_trades(rows)
    key = DayKey("wechat", FileKind.TRADE, day or world.day)
    await world.reconciliation.take(key, Fetched(bills.packed(text), bills.sha1(text)))
    await world.reconciliation.match_day("wechat", key.day)


async def a_refund_under_way(world: World, attempt, amount_fen: int) -> str:
    """A refund that the provider has accepted and not ended, as far as we know."""
    async with world.service_db.transaction() as tx:
        [refund] = await world.refunds.reserve(
            tx, [(attempt, Fen(amount_fen))], BY_ITSELF[Cause.ORDER]
        )
    await world.owner.execute(
        "UPDATE payments.refund SET state = 'processing' WHERE refund_no = $1", refund.refund_no
    )
    return refund.refund_no


async def refund_state(world: World, refund_no: str) -> str:
    state: str = await world.owner.fetchval(
        "SELECT state FROM payments.refund WHERE refund_no = $1", refund_no
    )
    return state


async def test_a_refund_that_went_through_unheard_is_believed_from_the_bill(world):
    attempt = await paid(world)
    refund_no = await a_refund_under_way(world, attempt, 300)
    back = {"amount_fen": 300, "fee_fen": -2, "refund_id": "50", "refund_no": refund_no}
    await bill(world, await row_of(world, attempt), await row_of(world, attempt, **back))
    assert await refund_state(world, refund_no) == "success"
    [difference] = await world.differences_of(refund_no)
    assert (difference["class"], difference["resolution"]) == ("state_differs", "believed")
    assert await world.open() == []


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
async def test_a_day_with_refunds_on_which_all_agree_leaves_nothing_open(world, channel):
    attempt = await paid(world, channel)
    async with world.service_db.transaction() as tx:
        await world.refunds.reserve(tx, [(attempt, Fen(300))], BY_ITSELF[Cause.ORDER])
    world.clock.go(timedelta(seconds=10))
    await world.refunds.ask_providers()
    world.clock.go(timedelta(hours=1))
    await world.refunds.ask_providers()
    await world.go_to(1, 10)
    await world.run()
    assert await world.open() == []
    file = await world.file_of("trade", channel)
    assert (file["rows"], file["refund_fen"]) == (2, 300)
    states = await world.owner.fetch(
        "SELECT state FROM payments.refund WHERE attempt_no = $1", attempt.attempt_no
    )
    assert [row["state"] for row in states] == ["success"]


async def test_a_refund_of_another_amount_moves_nothing_and_is_found(world):
    attempt = await paid(world)
    refund_no = await a_refund_under_way(world, attempt, 300)
    back = {"amount_fen": 299, "fee_fen": -2, "refund_id": "51", "refund_no": refund_no}
    await bill(world, await row_of(world, attempt), await row_of(world, attempt, **back))
    assert await refund_state(world, refund_no) == "processing"
    assert await world.open() == [("amount_differs", refund_no, 1)]


async def test_a_refund_that_nobody_here_asked_for_is_found(world):
    attempt = await paid(world)
    back = {"amount_fen": 300, "fee_fen": -2, "refund_id": "52", "refund_no": "R-theirs"}
    await bill(world, await row_of(world, attempt), await row_of(world, attempt, **back))
    assert await world.open() == [("theirs_only", "R-theirs", 300)]


async def test_what_is_billed_on_two_days_is_a_duplicate(world):
    attempt = await paid(world)
    await bill(world, await row_of(world, attempt))
    await bill(world, await row_of(world, attempt), day=world.day + timedelta(days=1))
    assert await world.open() == [("duplicate", attempt.attempt_no, attempt.amount_fen)]


async def test_a_corrected_bill_takes_the_place_of_the_one_before(world):
    attempt = await paid(world)
    await bill(world, await row_of(world, attempt, amount_fen=attempt.amount_fen + 1))
    assert [one[0] for one in await world.open()] == ["amount_differs"]
    await bill(world, await row_of(world, attempt))
    assert await world.open() == []
    [difference] = await world.differences_of(attempt.attempt_no)
    assert difference["resolution"] == "matched_later"
    await bill(world, await row_of(world, attempt, fee_fen=5))
    fees = await world.owner.fetch(
        "SELECT amount_fen FROM ledger.posting JOIN ledger.journal USING (journal_id)"
        " WHERE kind = 'fee' AND account = 'provider_fee' AND business_key LIKE $1",
        f"fee:wechat:{(await row_of(world, attempt)).txn}%",
    )
    assert sum(row[0] for row in fees) == 5, "the books follow the newest bill"
    assert [one[0] for one in await world.open()] == ["fee_differs"]
    kept = await world.owner.fetchval(
        "SELECT count(*) FROM reconciliation.file WHERE channel = 'wechat' AND day = $1", world.day
    )
    assert kept == 3, "all files stay"


def a_statement(day: date, amount: str, *, account: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Id>1</Id>
<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">0.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{amount}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>ref-{day}-{amount}</AcctSvcrRef></Ntry>
</Stmt></BkToCstmrStmt></Document>""".encode()


async def a_payout(world: World, number: str, amount: str) -> None:
    """The provider says that it has paid out to the bank."""
    at = datetime.combine(world.day, datetime.min.time(), CHINA) + timedelta(hours=6)
    fields = [f"{at:%Y-%m-%d %H:%M:%S}", number, number, "提现", "提现", "支出", amount, "0.00",
              "system", "", number]  # fmt: skip
    totals = ["1", "0", "0.00", "1", amount]
    lines = [bills.WECHAT_FUNDS, bills._ticked(fields), bills.WECHAT_FUND_TOTALS,
             bills._ticked(totals)]  # fmt: skip
    text = "\r\n".join(lines).encode()
    key = DayKey("wechat", FileKind.FUND, world.day)
    await world.reconciliation.take(key, Fetched(text, bills.sha1(text)))


async def test_a_payout_is_looked_for_at_the_bank_and_found_missing(world):
    await a_payout(world, "w1", "12.34")
    await world.go_to(11, 12)
    kept = await world.desk.take_statement(
        "camt053", a_statement(world.day + timedelta(days=11), "12.33", account="A1"), by=FINANCE
    )
    assert (kept.account, kept.rows, kept.known) == ("A1", 1, False)
    rows = await world.owner.fetch("SELECT * FROM reconciliation.difference WHERE number = 'w1'")
    assert [(row["class"], row["off_fen"]) for row in rows] == [("bank_differs", 1234)]
    again = await world.desk.take_statement(
        "camt053", a_statement(world.day + timedelta(days=11), "12.33", account="A1"), by=FINANCE
    )
    assert again.known
    await world.desk.take_statement(
        "camt053", a_statement(world.day + timedelta(days=2), "12.34", account="A1"), by=FINANCE
    )
    row = await world.owner.fetchrow("SELECT * FROM reconciliation.difference WHERE number = 'w1'")
    assert row["resolution"] == "matched_later", "it had come all the same"


async def test_what_is_open_is_measured(world):
    attempt = await paid(world)
    await bill(world, await row_of(world, attempt, amount_fen=attempt.amount_fen + 7))
    world.clock.go(timedelta(hours=1))
    await ReconciliationMeters(world.service_db, world.clock).measure()
    assert OPEN._rows["amount_differs",] >= 1
    assert OPEN._rows["currency_differs",] == 0
    assert list(INCIDENTS._rows) == [()]
