"""Who may take which step with a draft, and what a lot charges by over time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from onepark.contexts.access.errors import NotAllowed
from onepark.contexts.tariffs import filing, rules
from onepark.contexts.tariffs.checking import Finding, Severity
from onepark.contexts.tariffs.errors import (
    AlreadyBegun,
    CityDecides,
    DateInvalid,
    DraftClosed,
    DraftNotChecked,
    LotUnknown,
    NoPlan,
    OperatorNotNamed,
    SecondPersonNeeded,
    StillAssigned,
)
from onepark.contexts.tariffs.filing import DraftRow, DraftState, NewAssignment
from onepark.contexts.tariffs.model import Assignment, PlanRow, PlanSpan
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import CHINA, LotId, OperatorId, PlanId
from tests.fakes.lots import Lots

NOW = datetime(2031, 3, 3, 12, tzinfo=CHINA)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
OWNER = OperatorId(7)
FREE = '{"windows": []}'
FIXED = '{"windows": [], "price_form": "government_fixed"}'
LOTS = Lots(of=7, lot_320281001101=1, lot_320281001102=2)
CITY_LOTS = Lots(of=7, price_form="government_fixed", lot_320281001101=1)
S, R = DraftState, StaffRole


def a_person(number: int = 2, role: StaffRole = R.OPERATOR_ADMIN) -> Principal:
    """A second person of the operator, or one of the city."""
    own = None if role in {R.CITY_ADMIN, R.CITY_SUPERVISOR, R.AUDITOR} else OWNER
    return Principal(number, f"person.{number}", role, own)


def a_draft(**changes: Any) -> DraftRow:
    """What the first person drafted and somebody checked."""
    values: dict[str, Any] = {
        "draft_id": 1,
        "operator_id": OWNER,
        "plan_key": "main",
        "name": "收费规则",
        "body": FREE,
        "author_id": 1,
        "author": "person.1",
        "drafted_at": NOW - DAY,
        "state": S.CHECKED,
        "checker": "person.1",
        "checked_at": NOW - DAY,
        "findings": (),
        "publisher": None,
        "published_at": None,
        "plan_id": None,
        "withdrawer": None,
        "withdrawn_at": None,
    }
    return DraftRow(**(values | changes))


def a_version(number: int = 1, **changes: Any) -> PlanRow:
    """A version from tomorrow on."""
    values: dict[str, Any] = {
        "plan_id": PlanId(number),
        "operator_id": OWNER,
        "plan_key": "main",
        "version": number,
        "name": "收费规则",
        "body": FREE,
        "valid_from_at": NOW + DAY,
        "valid_until_at": None,
        "published_at": NOW - DAY,
    }
    return PlanRow(**(values | changes))


def test_a_second_person_publishes_what_is_checked():
    filing.check_publication(a_draft(), a_person())
    filing.check_publication(a_draft(body=FIXED), a_person(role=R.CITY_ADMIN))


@pytest.mark.parametrize(
    ("draft", "person", "refusal"),
    [
        (a_draft(), a_person(1), SecondPersonNeeded),
        (a_draft(), a_person(1, R.CITY_ADMIN), SecondPersonNeeded),
        (a_draft(state=S.DRAFT), a_person(), DraftNotChecked),
        (a_draft(state=S.FAILED), a_person(), DraftNotChecked),
        (a_draft(state=S.PUBLISHED), a_person(), DraftClosed),
        (a_draft(state=S.WITHDRAWN), a_person(), DraftClosed),
        (a_draft(body=FIXED), a_person(), CityDecides),
        (a_draft(body=FIXED.replace("fixed", "guided")), a_person(), CityDecides),
    ],
)
def test_a_publication_is_refused_with_its_reason(draft, person, refusal):
    with pytest.raises(refusal):
        filing.check_publication(draft, person)


@pytest.mark.parametrize("state", list(S))
def test_a_draft_is_open_until_it_is_published_or_withdrawn(state):
    if state in {S.PUBLISHED, S.WITHDRAWN}:
        with pytest.raises(DraftClosed):
            filing.check_open(a_draft(state=state))
    else:
        filing.check_open(a_draft(state=state))


def test_a_warning_lets_a_draft_pass_and_an_error_does_not():
    warning, error = (Finding(one, "cap", ".", "No cap.", "没有封顶") for one in reversed(Severity))
    assert filing.state_after_check([]) == S.CHECKED
    assert filing.state_after_check([warning]) == S.CHECKED
    assert filing.state_after_check([warning, error]) == S.FAILED


def test_whoever_drafts_may_drop_a_draft():
    filing.check_withdrawal(a_draft(), None, a_person(role=R.OPERATOR_CLERK), now=NOW)


def test_a_version_is_taken_back_until_the_second_in_which_it_begins():
    published, version = a_draft(state=S.PUBLISHED, plan_id=1), a_version(valid_from_at=NOW)
    filing.check_withdrawal(published, version, a_person(), now=NOW - SECOND)
    with pytest.raises(AlreadyBegun):
        filing.check_withdrawal(published, version, a_person(), now=NOW)


@pytest.mark.parametrize(
    ("draft", "person", "refusal"),
    [
        (a_draft(state=S.WITHDRAWN), a_person(), DraftClosed),
        (a_draft(state=S.PUBLISHED), a_person(role=R.OPERATOR_CLERK), NotAllowed),
        (a_draft(state=S.PUBLISHED, body=FIXED), a_person(), CityDecides),
    ],
)
def test_a_withdrawal_is_refused_with_its_reason(draft, person, refusal):
    with pytest.raises(refusal):
        filing.check_withdrawal(draft, a_version(), person, now=NOW)


def test_lots_are_never_left_without_the_plan_that_they_were_promised():
    filing.check_left_bare(0)
    with pytest.raises(StillAssigned):
        filing.check_left_bare(1)


def test_staff_of_an_operator_file_for_it_and_the_city_says_for_whom():
    city = a_person(role=R.CITY_ADMIN)
    assert filing.owner_of(None, a_person(), LOTS) == OWNER
    assert filing.owner_of(OWNER, a_person(), LOTS) == OWNER
    assert filing.owner_of(OWNER, city, LOTS) == OWNER
    for asked, person in ((8, a_person()), (None, city), (8, city)):
        with pytest.raises(OperatorNotNamed):
            filing.owner_of(asked, person, LOTS)


def test_a_tariff_begins_now_or_later():
    assert filing.begins_at(None, NOW) == NOW
    assert filing.begins_at(NOW, NOW) == NOW
    for wrong in (NOW - SECOND, filing.END_OF_DATES, datetime.max.replace(tzinfo=CHINA)):
        with pytest.raises(DateInvalid):
            filing.begins_at(wrong, NOW)


def an_assignment(*lots: str) -> NewAssignment:
    return NewAssignment("main", lots)


def test_a_lot_named_twice_is_assigned_once():
    asked = an_assignment("320281001101", "320281001101", "320281001102")
    known = filing.lots_of(asked, LOTS, OWNER)
    assigned = filing.assignments_of(asked, known, operator_id=OWNER, from_at=NOW)
    assert [one.lot_id for one in assigned] == [1, 2]


def test_a_lot_of_another_operator_is_not_there():
    for code, owner in (("320281001103", 7), ("320281001101", 8)):
        with pytest.raises(LotUnknown):
            filing.lots_of(an_assignment(code), LOTS, OperatorId(owner))


def test_a_lot_does_not_change_to_a_plan_that_is_not_in_force_then():
    with pytest.raises(NoPlan):
        filing.check_assignment(None, [], a_person())


def test_an_operator_s_own_price_never_reaches_a_lot_whose_price_the_city_sets():
    [lot] = filing.lots_of(an_assignment("320281001101"), CITY_LOTS, OWNER).values()
    filing.check_assignment(a_version(body=FIXED), [lot], a_person())
    filing.check_assignment(a_version(), [lot], a_person(role=R.CITY_ADMIN))
    with pytest.raises(CityDecides):
        filing.check_assignment(a_version(), [lot], a_person())


def test_a_draft_is_explained_to_drivers_once_it_is_known_to_be_a_plan():
    assert filing.draft_view(a_draft()).text_zh == ("全天免费", "市场调节价")
    error = Finding(Severity.ERROR, "shape", "windows", "windows: wrong", "有误")
    broken = a_draft(state=S.FAILED, findings=(error,), body='{"windows": 7}')
    assert filing.draft_view(broken).text_zh == ()


# -- what a lot charges by over time ---------------------------------------------------------------

LOT = LotId(1)


def spans(versions: list[PlanRow], *assigned: Assignment) -> list[PlanSpan]:
    engine = rules.compile_plan(FREE)
    catalogue = rules.build_catalogue(
        1, versions, assigned, engines={FREE: engine}, hashes={FREE: "hash"}
    )
    return rules.spans_of(catalogue, LOT)


def test_a_lot_charges_by_a_version_while_both_it_and_the_assignment_last():
    first = a_version(1, valid_from_at=NOW, valid_until_at=NOW + 5 * DAY)
    second = a_version(2, valid_from_at=NOW + 5 * DAY)
    assigned = Assignment(LOT, OWNER, "main", NOW + DAY, NOW + 7 * DAY)
    assert spans([second, first], assigned) == [
        PlanSpan(PlanId(1), NOW + DAY, NOW + 5 * DAY),
        PlanSpan(PlanId(2), NOW + 5 * DAY, NOW + 7 * DAY),
    ]


def test_a_version_that_was_taken_back_is_never_in_force():
    gone = a_version(1, withdrawn_at=NOW)
    assert spans([gone], Assignment(LOT, OWNER, "main", NOW)) == []


def test_a_version_that_ends_before_the_assignment_begins_counts_for_nothing():
    ended = a_version(1, valid_from_at=NOW - DAY, valid_until_at=NOW)
    assert spans([ended], Assignment(LOT, OWNER, "main", NOW)) == []


@pytest.mark.parametrize(
    ("at", "present", "later"),
    [
        (NOW - SECOND, None, 1),
        (NOW, 1, 2),
        (NOW + DAY - SECOND, 1, 2),
        (NOW + DAY, None, 2),
        (NOW + 2 * DAY, 2, None),
    ],
)
def test_the_tariff_now_and_the_next_one_are_told_on_both_sides_of_each_edge(at, present, later):
    told = [PlanSpan(PlanId(1), NOW, NOW + DAY), PlanSpan(PlanId(2), NOW + 2 * DAY, None)]
    found = rules.now_and_next(told, at)
    assert tuple(span and span.plan_id for span in found) == (present, later)


def test_the_catalogue_finds_a_body_by_its_hash_and_keeps_withdrawn_versions_by_number():
    gone = a_version(3, withdrawn_at=NOW)
    engine = rules.compile_plan(FREE)
    catalogue = rules.build_catalogue(1, [gone], [], engines={FREE: engine}, hashes={FREE: "hash"})
    assert catalogue.bodies == {"hash": FREE}
    assert catalogue.plans[PlanId(3)].version == 3
    assert catalogue.versions == {}
    assert catalogue.rows == {PlanId(3): replace(gone)}
