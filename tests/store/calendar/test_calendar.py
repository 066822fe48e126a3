"""The city rules on a day: the latest word holds, it leaves a trace, and prices follow."""

import json
from datetime import date, datetime
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from onepark.contexts.access.service import Audit
from onepark.contexts.calendar.errors import DayPast
from onepark.contexts.calendar.model import Basis, DayKind, NewRuling
from onepark.contexts.calendar.service import Calendar
from onepark.contexts.tariffs.model import QuoteAnswer, QuoteAsked, RuledDay
from onepark.contexts.tariffs.proof import differences
from onepark.contexts.tariffs.service import Tariffs
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import CHINA, LotId, OperatorId
from tests.archive import HandClock
from tests.fakes.lots import Lots

ROOT = Path(__file__).parents[3]
WEST_LAKE = (ROOT / "tests/vectors/tariffs/T14_west_lake.json").read_text("utf-8")
NOON = datetime(2031, 3, 3, 12, tzinfo=CHINA)  # a Monday later than any real day of a test run
CITY = Principal(900, "city.chen", StaffRole.CITY_ADMIN, None)
CODE, LOT, OWNER = "320281001101", LotId(9_001), OperatorId(9_001)
K = DayKind

_days = count(1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def calendar(service_db, clock) -> Calendar:
    return Calendar(service_db, audit=Audit(), clock=clock)


@pytest.fixture
def day() -> date:
    """A day of June 2031 that no other test has ruled on."""
    return date(2031, 6, next(_days))


async def test_a_ruling_is_kept_with_its_reason_and_told_to_everybody(calendar, day):
    told = await calendar.rule(day, NewRuling(K.SHORT_HOLIDAY, "端午节安排"), by=CITY)
    assert (told.kind, told.basis, told.reason) == (K.SHORT_HOLIDAY, Basis.RULING, "端午节安排")
    assert (await calendar.days(day, day)).days == (told,)


async def test_the_latest_word_on_a_day_holds(calendar, day):
    for kind in (K.SHORT_HOLIDAY, K.MAKEUP_WORKDAY, K.GOLDEN_WEEK):
        await calendar.rule(day, NewRuling(kind, f"改为 {kind}"), by=CITY)
    [told] = (await calendar.days(day, day)).days
    assert (told.kind, told.reason) == (K.GOLDEN_WEEK, "改为 golden_week")


async def test_a_ruling_leaves_a_trace_of_who_ruled_what(calendar, service_db, day):
    await calendar.rule(day, NewRuling(K.WORKDAY, "灯会照常上班"), by=CITY)
    async with service_db.connection() as tx:
        [row] = await tx.fetch("SELECT * FROM access.audit WHERE subject = $1", day.isoformat())
    assert (row["actor"], row["action"], row["changed_at"]) == ("city.chen", "calendar.rule", NOON)
    assert (row["operator_id"], row["before"]) == (None, None)
    assert json.loads(row["after"]) == {"kind": "workday", "reason": "灯会照常上班"}


async def test_nothing_is_kept_of_a_day_that_has_begun(calendar, service_db, clock):
    today = NOON.date()
    for begun in (today, date(2031, 3, 2)):
        with pytest.raises(DayPast):
            await calendar.rule(begun, NewRuling(K.WORKDAY, "太晚"), by=CITY)
    clock.at = datetime(2031, 3, 2, 23, 59, 59, tzinfo=CHINA)
    await calendar.rule(today, NewRuling(K.GOLDEN_WEEK, "还来得及"), by=CITY)
    async with service_db.connection() as tx:
        rows = await tx.fetch("SELECT reason FROM calendar.day_ruling WHERE day <= $1", today)
    assert [row["reason"] for row in rows] == ["还来得及"]


async def test_what_the_city_has_said_is_not_unsaid(calendar, service_db, day):
    await calendar.rule(day, NewRuling(K.WEEKEND, "休息"), by=CITY)
    for statement in ("UPDATE calendar.day_ruling SET kind = 'workday'",
                      "DELETE FROM calendar.day_ruling"):  # fmt: skip
        with pytest.raises(asyncpg.PostgresError):
            async with service_db.transaction() as tx:
                await tx.execute(statement)
    assert (await calendar.days(day, day)).days[0].reason == "休息"


@pytest.fixture
async def tariffs(service_db, clock) -> Tariffs:
    """West Lake's prices at one lot: they differ by kind of day."""
    tariffs = Tariffs(service_db, clock)
    await tariffs.load()
    if not tariffs.is_filed(OWNER, "west_lake"):
        await tariffs.publish(
            plan_key="west_lake", operator_id=OWNER, name="西湖", body=WEST_LAKE, valid_from_at=NOON
        )
        await tariffs.assign(
            lot_id=LOT, operator_id=OWNER, plan_key="west_lake", valid_from_at=NOON
        )
    return tariffs


def two_hours(tariffs: Tariffs, on: date) -> QuoteAnswer:
    """What a car pays from 10 to 12."""
    from_at, until_at = (datetime(on.year, on.month, on.day, h, tzinfo=CHINA) for h in (10, 12))
    lots = Lots(of=OWNER, lot_320281001101=LOT)
    return tariffs.quote(QuoteAsked(from_at, until_at, lot=CODE), lots)


async def test_a_price_follows_the_city_s_word_and_can_still_be_computed_again(calendar, tariffs):
    wednesday = date(2031, 7, 2)
    before = two_hours(tariffs, wednesday)
    assert (before.amount_fen, before.ruled_days) == (1_000 + 2 * 500, ())
    await calendar.rule(wednesday, NewRuling(K.GOLDEN_WEEK, "庆典"), by=CITY)
    assert two_hours(tariffs, wednesday) == before, "until this process has looked"
    assert await tariffs.refresh() is True
    after = two_hours(tariffs, wednesday)
    assert after.amount_fen == 3_000 + 2 * 1_500
    assert after.ruled_days == (RuledDay(wednesday, K.GOLDEN_WEEK),)
    assert after.quote_hash != before.quote_hash
    assert after.plan_hash == before.plan_hash
    for quote in (before, after):
        assert list(differences(quote, json.loads(WEST_LAKE))) == []
    assert await tariffs.refresh() is False


async def test_a_ruling_on_another_day_is_not_told_in_a_quote(calendar, tariffs):
    await calendar.rule(date(2031, 7, 9), NewRuling(K.GOLDEN_WEEK, "庆典"), by=CITY)
    await tariffs.refresh()
    quote = two_hours(tariffs, date(2031, 7, 16))
    assert (quote.amount_fen, quote.ruled_days) == (2_000, ())
    beside = two_hours(tariffs, date(2031, 7, 8))
    assert (beside.amount_fen, beside.ruled_days[0].day) == (2_000, date(2031, 7, 9))


async def test_a_quote_that_hides_a_ruling_is_found_out(calendar, tariffs):
    friday = date(2031, 7, 25)
    await calendar.rule(friday, NewRuling(K.SHORT_HOLIDAY, "庆典"), by=CITY)
    await tariffs.refresh()
    quote = two_hours(tariffs, friday)
    words = list(differences(replace(quote, ruled_days=()), json.loads(WEST_LAKE)))
    assert any(word.startswith("amount_fen") for word in words)
    assert any(word.startswith("quote_hash") for word in words)
