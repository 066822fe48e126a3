"""Statements say what the books say, and a statement that was bent is found."""

from datetime import date, timedelta

import pytest

from onepark.contexts.settlement.errors import StatementUnknown
from onepark.contexts.settlement.model import StatementKey
from onepark.contexts.settlement.terms import Base, Cycle, Guarantee, Tier
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import OperatorId
from tests.store.settlement.conftest import DRAFTER, FIRST, Rig, terms_of

SECOND = FIRST + timedelta(days=1)
BENT = "replace(body, '\"share_fen\":250', '\"share_fen\":251')"
BENT_BODY = f"body = {BENT}, digest = sha256(convert_to({BENT}, 'UTF8'))"
OF_TOWN = StatementKey(OperatorId(7), "town", Cycle.DAY, FIRST)


async def a_month(rig: Rig) -> None:
    """Tiers, a guarantee, fees, refunds, late facts, lots without a contract."""
    terms = terms_of(
        cycle=Cycle.MONTH,
        base=Base.NET_OF_FEE,
        tiers=(Tier(3_000, (500_000, 300_000, 200_000)),),
        guarantees=(Guarantee("investor", 5_000, "group"),),
    )
    await rig.contract(terms)
    await rig.contract(terms_of(fee_bearer="town"), lots=("320281001102",))
    for number in range(8):
        day = FIRST + timedelta(days=number)
        order = await rig.fact(999 + number, day)
        await rig.fee(6, order, day)
        await rig.fact(1_234, day, lot_id=2)
        await rig.fact(77, day, lot_id=3)
        await rig.clear(day)
        await rig.fact(-100 * number or 5, day, order=order)
    await rig.clear(date(2026, 6, 3))


async def test_every_statement_can_be_made_anew_from_the_books(rig: Rig):
    await a_month(rig)
    rebuilt = await rig.statements.rebuild()
    assert rebuilt.differences == ()
    assert rebuilt.statements > 20
    assert rebuilt.facts == 40


@pytest.mark.parametrize(
    ("table", "bend"),
    [
        ("statement", BENT_BODY),
        ("statement", "first_day = first_day + 1"),
        ("clearing", "amounts_fen = ARRAY[600, 251, 150]"),
        ("day_total", "amounts_fen = ARRAY[600, 251, 150]"),
    ],
)  # fmt: skip
async def test_what_was_bent_is_found(rig: Rig, owner, table, bend):
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    assert (await rig.statements.rebuild()).differences == ()
    await owner.execute(f"ALTER TABLE settlement.{table} DISABLE TRIGGER USER")
    await owner.execute(f"UPDATE settlement.{table} SET {bend}")
    assert (await rig.statements.rebuild()).differences != ()


async def test_a_posting_that_clearing_did_not_make_is_found(rig: Rig, owner):
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    await owner.execute("ALTER TABLE ledger.posting DISABLE TRIGGER USER")
    await owner.execute(
        "UPDATE ledger.posting SET amount_fen = amount_fen - 1"
        " WHERE account = 'party_payable' AND owner = 'town'"
    )
    (found,) = (await rig.statements.rebuild()).differences
    assert found == ("what the books gave town of operator 7", "251", "250")


async def test_a_statement_has_lines_that_lead_to_their_journals(rig: Rig):
    await rig.contract()
    order = await rig.fact(1001)
    await rig.clear()
    await rig.fact(-1, FIRST, order=order)
    await rig.clear(SECOND)
    statement = await rig.statements.show(OF_TOWN, by=DRAFTER)
    assert (statement.total_fen, len(statement.lines)) == (250, 1)
    late = OF_TOWN._replace(first_day=SECOND)
    (line,) = (await rig.statements.show(late, by=DRAFTER)).lines
    assert (line.day, line.original_day, line.gross_fen, line.share_fen) == (SECOND, FIRST, -1, 0)
    page = await rig.statements.details(OF_TOWN, after=None, limit=1, by=DRAFTER)
    assert [(one.order, one.gross_fen, one.share_fen) for one in page.lines] == [(order, 1001, 250)]
    assert page.next_after is not None
    day, _, number = page.next_after.partition(".")
    after = date.fromisoformat(day), int(number)
    more = await rig.statements.details(OF_TOWN, after=after, limit=1, by=DRAFTER)
    assert (more.lines, more.next_after) == ((), None)
    text = await rig.statements.export(OF_TOWN, by=DRAFTER)
    assert text.splitlines()[1].endswith("payments,1,1001,0,0,250")
    assert order in await rig.statements.export_details(OF_TOWN, after=None, limit=5, by=DRAFTER)


async def test_another_operator_sees_no_statement(rig: Rig):
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    other = Principal(9, "other", StaffRole.OPERATOR_FINANCE, OperatorId(8))
    own = Principal(9, "own", StaffRole.OPERATOR_FINANCE, OperatorId(7))
    with pytest.raises(StatementUnknown):
        await rig.statements.show(OF_TOWN, by=other)
    page = await rig.statements.page(party=None, until=SECOND, limit=9, by=other)
    assert page.statements == ()
    page = await rig.statements.page(party="town", until=SECOND, limit=9, by=own)
    assert [one.total_fen for one in page.statements] == [250]
