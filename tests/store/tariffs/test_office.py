"""A tariff goes from a draft to force through two people's hands, in a real database."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, union-attr"

import asyncio
import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.tariffs.errors import (
    AlreadyBegun,
    CityDecides,
    DraftClosed,
    DraftNotChecked,
    DraftUnknown,
    LotUnknown,
    NoPlan,
    SecondPersonNeeded,
    StillAssigned,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.tariffs.filing import Draft, DraftState, NewAssignment, NewDraft, Publication
from onepark.contexts.tariffs.office import Checks, TariffOffice
from onepark.contexts.tariffs.proof import plan_hash
from onepark.contexts.tariffs.service import Tariffs
from onepark.infra.db import StaffScope
from onepark.infra.limits import Limiter
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import CHINA, LotId
from tests.archive import HandClock
from tests.fakes.lots import Lots

NOON = datetime(2031, 3, 3, 12, tzinfo=CHINA)  # later than any real day of a test run
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
FREE: dict[str, Any] = {"windows": [], "outside": "free", "caps": {"uncapped": True}}
TIERS = [{"unit_minutes": 60, "price_fen": 500}]
ALL_DAY = {"name": "全天", "from": "00:00", "to": "24:00", "tiers": TIERS}
HOURLY = {"windows": [ALL_DAY], "caps": {"natural_day_fen": 5_000}}
BROKEN = {"windows": 7}
FIXED = FREE | {"price_form": "government_fixed"}
CITY = Principal(900, "city", StaffRole.CITY_ADMIN, None)
CODE, OTHER_CODE = "320281001101", "320281001102"

_numbers = count(1)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
async def tariffs(service_db, clock) -> Tariffs:
    tariffs = Tariffs(service_db, clock)
    await tariffs.load()
    return tariffs


@pytest.fixture
def checks(redis) -> Checks:
    return Checks(Limiter(redis))


@pytest.fixture
def office(staff_db, tariffs, checks, clock) -> TariffOffice:
    return TariffOffice(staff_db, tariffs=tariffs, checks=checks, audit=Audit(), clock=clock)


class Crew:
    """The people of one operator, and its two lots."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.li = Principal(owner * 10 + 1, "li.ming", StaffRole.OPERATOR_CLERK, owner)
        self.wang = Principal(owner * 10 + 2, "wang.fang", StaffRole.OPERATOR_ADMIN, owner)
        self.lot = LotId(owner)
        self.lots = Lots(of=owner, lot_320281001101=owner, lot_320281001102=owner + 100_000)


@pytest.fixture
def crew() -> Crew:
    return Crew(next(_numbers))


async def drafted(office: TariffOffice, crew: Crew, body: Any = FREE, key: str = "main") -> Draft:
    return await office.draft(NewDraft(key, "收费规则", body), crew.lots, by=crew.li)


async def published(
    office: TariffOffice, crew: Crew, body: Any = FREE, from_at: datetime | None = None
) -> Draft:
    draft = await drafted(office, crew, body)
    await office.check(draft.draft_id, by=crew.li)
    return await office.publish(draft.draft_id, Publication(from_at), by=crew.wang)


async def trail(service_db, crew: Crew) -> list[tuple[str, str]]:
    async with service_db.connection() as tx:
        rows = await tx.fetch(
            "SELECT actor, action FROM access.audit WHERE operator_id = $1 ORDER BY audit_id",
            crew.owner,
        )
    return [tuple(row) for row in rows]


async def test_a_draft_comes_into_force_through_two_people_and_each_step_is_traced(
    office, tariffs, service_db, crew
):
    draft = await drafted(office, crew, HOURLY)
    assert (draft.state, draft.author, draft.body) == (DraftState.DRAFT, "li.ming", HOURLY)
    checked = await office.check(draft.draft_id, by=crew.li)
    assert (checked.state, checked.checker, checked.findings) == ("checked", "li.ming", ())
    done = await office.publish(draft.draft_id, Publication(), by=crew.wang)
    assert (done.state, done.publisher, done.published_at) == ("published", "wang.fang", NOON)
    await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=crew.wang)

    told = tariffs.lot_tariff(CODE, crew.lots)
    assert (told.in_force.version, told.in_force.valid_from_at, told.next) == (1, NOON, None)
    assert told.in_force.plan_hash == done.plan_hash == plan_hash(HOURLY)
    assert "全天：每小时 5 元" in told.in_force.text_zh
    assert tariffs.plan_at(crew.lot, NOON).plan_id == done.plan_id
    assert tariffs.plan_at(crew.lot, NOON - SECOND) is None
    assert await trail(service_db, crew) == [
        ("li.ming", "tariffs.drafted"),
        ("li.ming", "tariffs.checked"),
        ("wang.fang", "tariffs.published"),
        ("wang.fang", "tariffs.assigned"),
    ]


async def test_the_trail_says_what_was_put_in_force_and_from_when(office, service_db, crew):
    done = await published(office, crew, from_at=NOON + DAY)
    async with service_db.connection() as tx:
        row = await tx.fetchrow(
            "SELECT subject, before, after FROM access.audit"
            " WHERE operator_id = $1 AND action = 'tariffs.published'",
            crew.owner,
        )
    assert row["subject"] == f"draft {done.draft_id}"
    assert json.loads(row["before"]) == {"state": "checked"}
    after = json.loads(row["after"])
    assert (after["plan_hash"], after["plan_id"]) == (done.plan_hash, done.plan_id)
    assert datetime.fromisoformat(after["valid_from_at"]) == NOON + DAY


async def test_one_person_does_not_do_both_halves(office, service_db, crew):
    boss = Principal(crew.owner * 10 + 3, "boss", StaffRole.OPERATOR_ADMIN, crew.owner)
    draft = await office.draft(NewDraft("main", "规则", FREE), crew.lots, by=boss)
    await office.check(draft.draft_id, by=crew.li)
    with pytest.raises(SecondPersonNeeded):
        await office.publish(draft.draft_id, Publication(), by=boss)
    assert ("boss", "tariffs.published") not in await trail(service_db, crew)
    await office.publish(draft.draft_id, Publication(), by=crew.wang)


async def test_what_was_not_checked_or_failed_is_not_published(office, tariffs, crew):
    unchecked = await drafted(office, crew)
    failed = await drafted(office, crew, BROKEN)
    told = await office.check(failed.draft_id, by=crew.li)
    assert (told.state, [one.field for one in told.findings]) == ("failed", ["windows"])
    for draft in (unchecked, failed):
        with pytest.raises(DraftNotChecked):
            await office.publish(draft.draft_id, Publication(), by=crew.wang)
    assert not tariffs.is_filed(crew.owner, "main")


async def test_prices_that_the_government_sets_are_published_by_the_city(office, crew):
    draft = await drafted(office, crew, FIXED)
    await office.check(draft.draft_id, by=crew.li)
    with pytest.raises(CityDecides):
        await office.publish(draft.draft_id, Publication(), by=crew.wang)
    done = await office.publish(draft.draft_id, Publication(), by=CITY)
    assert (done.state, done.publisher) == ("published", "city")


async def test_the_city_drafts_for_an_operator_and_somebody_else_publishes(office, crew):
    new = NewDraft("main", "规则", FREE, operator_id=crew.owner)
    draft = await office.draft(new, crew.lots, by=CITY)
    await office.check(draft.draft_id, by=CITY)
    with pytest.raises(SecondPersonNeeded):
        await office.publish(draft.draft_id, Publication(), by=CITY)
    assert (await office.publish(draft.draft_id, Publication(), by=crew.wang)).plan_id


async def test_an_operator_neither_sees_nor_touches_what_another_drafts(office, crew):
    stranger = Crew(crew.owner + 500_000)
    draft = await drafted(office, crew)
    with pytest.raises(DraftUnknown):
        await office.show_draft(draft.draft_id, by=stranger.wang)
    with pytest.raises(DraftUnknown):
        await office.check(draft.draft_id, by=stranger.wang)
    for step in (office.publish(draft.draft_id, Publication(), by=stranger.wang),
                 office.withdraw(draft.draft_id, by=stranger.wang)):  # fmt: skip
        with pytest.raises(DraftUnknown):
            await step
    page = await office.drafts(state=None, before=None, limit=50, by=stranger.wang)
    assert page.drafts == ()


async def test_two_people_who_publish_at_once_publish_once(office, crew):
    draft = await drafted(office, crew)
    await office.check(draft.draft_id, by=crew.li)
    done = await asyncio.gather(
        *(office.publish(draft.draft_id, Publication(), by=by) for by in (crew.wang, CITY)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["Draft", "DraftClosed"]
    page = await office.versions(plan_key="main", before=None, limit=50, by=crew.wang)
    assert [one.version for one in page.versions] == [1]


async def test_the_version_in_force_ends_where_the_next_one_begins(office, tariffs, crew):
    first = await published(office, crew)
    await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=crew.wang)
    second = await published(office, crew, HOURLY, NOON + DAY)
    told = tariffs.lot_tariff(CODE, crew.lots)
    assert (told.in_force.version, told.in_force.valid_until_at) == (1, NOON + DAY)
    assert (told.next.version, told.next.valid_from_at) == (2, NOON + DAY)
    found = [tariffs.plan_at(crew.lot, at) for at in (NOON + DAY - SECOND, NOON + DAY)]
    assert [plan.plan_id for plan in found] == [first.plan_id, second.plan_id]


async def test_versions_that_would_overlap_are_refused_and_nothing_is_kept(
    office, service_db, crew
):
    await published(office, crew, from_at=NOON + 2 * DAY)
    before = await trail(service_db, crew)
    draft = await drafted(office, crew)
    await office.check(draft.draft_id, by=crew.li)
    with pytest.raises(VersionsOverlap):
        await office.publish(draft.draft_id, Publication(NOON + DAY), by=crew.wang)
    assert (await office.show_draft(draft.draft_id, by=crew.li)).state == "checked"
    assert len(await trail(service_db, crew)) == len(before) + 2, "drafted and checked only"


async def test_a_version_is_taken_back_before_it_begins_and_the_former_goes_on(
    office, tariffs, crew, clock
):
    first = await published(office, crew)
    await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=crew.wang)
    second = await published(office, crew, HOURLY, NOON + DAY)
    gone = await office.withdraw(second.draft_id, by=crew.wang)
    assert (gone.state, gone.withdrawer) == ("withdrawn", "wang.fang")
    told = tariffs.lot_tariff(CODE, crew.lots)
    assert (told.in_force.version, told.in_force.valid_until_at, told.next) == (1, None, None)
    assert tariffs.plan_at(crew.lot, NOON + 2 * DAY).plan_id == first.plan_id
    assert tariffs.plan(second.plan_id) is not None, "what once had a number keeps it"
    version = await office.version(second.plan_id, by=crew.wang)
    assert version.withdrawn_at == NOON

    third = await published(office, crew, HOURLY, NOON + DAY)
    clock.pass_by(DAY)
    with pytest.raises(AlreadyBegun):
        await office.withdraw(third.draft_id, by=crew.wang)
    assert tariffs.lot_tariff(CODE, crew.lots).in_force.version == 3


async def test_the_database_keeps_the_past_even_if_our_clock_is_slow(office, crew, clock):
    clock.at = NOON.replace(year=2021)
    await published(office, crew)
    second = await published(office, crew, HOURLY, clock.at + DAY)
    with pytest.raises(AlreadyBegun):
        await office.withdraw(second.draft_id, by=crew.wang)
    assert (await office.show_draft(second.draft_id, by=crew.li)).state == "published"


async def test_a_version_between_two_others_is_taken_back_without_a_gap(office, tariffs, crew):
    await published(office, crew)
    await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=crew.wang)
    middle = await published(office, crew, HOURLY, NOON + DAY)
    await published(office, crew, FREE, NOON + 2 * DAY)
    await office.withdraw(middle.draft_id, by=crew.wang)
    told = tariffs.lot_tariff(CODE, crew.lots)
    assert told.in_force.valid_until_at == told.next.valid_from_at == NOON + 2 * DAY


async def test_a_version_that_lots_wait_for_is_not_taken_back(office, crew):
    first = await published(office, crew, from_at=NOON + DAY)
    asked = NewAssignment("main", (CODE,), valid_from_at=NOON + DAY)
    await office.assign(asked, crew.lots, by=crew.wang)
    with pytest.raises(StillAssigned):
        await office.withdraw(first.draft_id, by=crew.wang)
    assert (await office.show_draft(first.draft_id, by=crew.li)).state == "published"
    assert (await office.version(first.plan_id, by=crew.li)).withdrawn_at is None


async def test_a_draft_that_was_withdrawn_goes_nowhere(office, crew):
    draft = await drafted(office, crew)
    await office.withdraw(draft.draft_id, by=crew.li)
    steps = (
        office.check(draft.draft_id, by=crew.li),
        office.publish(draft.draft_id, Publication(), by=crew.wang),
        office.withdraw(draft.draft_id, by=crew.li),
    )
    for step in steps:
        with pytest.raises(DraftClosed):
            await step


async def test_a_lot_changes_to_a_plan_only_from_when_that_is_in_force(office, tariffs, crew):
    await published(office, crew, from_at=NOON + DAY)
    with pytest.raises(NoPlan):
        await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=crew.wang)
    with pytest.raises(NoPlan):
        await office.assign(NewAssignment("other", (CODE,)), crew.lots, by=crew.wang)
    asked = NewAssignment("main", (CODE, OTHER_CODE, CODE), valid_from_at=NOON + DAY)
    done = await office.assign(asked, crew.lots, by=crew.wang)
    assert done.lots == (CODE, OTHER_CODE)
    assert tariffs.lot_tariff(OTHER_CODE, crew.lots).next.valid_from_at == NOON + DAY


async def test_lots_of_another_operator_are_not_assigned(office, service_db, crew):
    stranger = Crew(crew.owner + 600_000)
    await published(office, stranger)
    with pytest.raises(LotUnknown):
        await office.assign(NewAssignment("main", (CODE,)), crew.lots, by=stranger.wang)
    assert ("wang.fang", "tariffs.assigned") not in await trail(service_db, stranger)


async def test_a_lot_does_not_charge_by_two_plans_at_once(office, service_db, crew):
    await published(office, crew)
    later = NewAssignment("main", (CODE,), valid_from_at=NOON + 2 * DAY)
    await office.assign(later, crew.lots, by=crew.wang)
    before = await trail(service_db, crew)
    with pytest.raises(VersionsOverlap):
        await office.assign(NewAssignment("main", (OTHER_CODE, CODE)), crew.lots, by=crew.wang)
    assert await trail(service_db, crew) == before


async def test_drafts_and_versions_are_paged_newest_first(office, crew):
    for days in range(3):
        await published(office, crew, from_at=NOON + days * DAY)
    open_draft = await drafted(office, crew)
    first = await office.drafts(state=None, before=None, limit=3, by=crew.li)
    rest = await office.drafts(state=None, before=first.next_before, limit=3, by=crew.li)
    assert first.drafts[0].draft_id == open_draft.draft_id
    assert (len(first.drafts), len(rest.drafts), rest.next_before) == (3, 1, None)
    found = await office.drafts(state=DraftState.DRAFT, before=None, limit=3, by=crew.li)
    assert [one.draft_id for one in found.drafts] == [open_draft.draft_id]
    versions = await office.versions(plan_key="main", before=None, limit=2, by=crew.li)
    assert [one.version for one in versions.versions] == [3, 2]
    none = await office.versions(plan_key="other", before=None, limit=2, by=crew.li)
    assert none.versions == ()


async def test_a_version_that_is_not_there_is_unknown(office, crew):
    done = await published(office, crew)
    whole = await office.version(done.plan_id, by=crew.li)
    assert (whole.body, whole.plan_hash, whole.version) == (FREE, done.plan_hash, 1)
    for number, by in ((2**53 - 1, crew.li), (done.plan_id, Crew(crew.owner + 700_000).li)):
        with pytest.raises(VersionUnknown):
            await office.version(number, by=by)


async def test_another_process_charges_by_what_was_published_here(office, service_db, clock, crew):
    elsewhere = Tariffs(service_db, clock)
    await elsewhere.load()
    await published(office, crew)
    assert not elsewhere.is_filed(crew.owner, "main")
    assert await elsewhere.refresh()
    assert elsewhere.is_filed(crew.owner, "main")


async def test_staff_rewrite_nothing_even_with_sql(office, staff_db, crew):
    done = await published(office, crew)
    for statement in (
        "UPDATE tariffs.plan SET body = '{}' WHERE plan_id = $1",
        "DELETE FROM tariffs.plan WHERE plan_id = $1",
        "UPDATE tariffs.draft SET body = '{}' WHERE plan_id = $1",
        "DELETE FROM tariffs.draft WHERE plan_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with staff_db.transaction(StaffScope(crew.owner)) as tx:
                await tx.execute(statement, done.plan_id)
