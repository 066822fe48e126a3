"""What a span of time costs, and which plan is in force.

Owns: the translation between our nouns and the native engine's whole seconds.
Never: awaits, reads a clock, or computes an amount by itself.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec

from onepark import _native
from onepark.contexts.calendar.model import Ruling
from onepark.contexts.calendar.rules import engine as calendar_engine
from onepark.contexts.tariffs import language
from onepark.contexts.tariffs.errors import LotOrPlan, PlanInvalid, PlanUnknown, SpanInvalid
from onepark.contexts.tariffs.model import (
    CURRENCY,
    Assignment,
    Carry,
    Catalogue,
    Coupon,
    Line,
    LineRule,
    NextChange,
    Override,
    Plan,
    PlanRow,
    PlanSpan,
    PriceRequest,
    Quote,
    QuoteAnswer,
    QuoteAsked,
    QuoteTerms,
    RuledDay,
    Trait,
)
from onepark.kernel.types import CHINA, Fen, LotId, OperatorId, PlanId, PlateColor

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
TERMS_MAX = 1_024  # kinds of plates by visits used and zone, as they are kept for the next batch

ORDINARY_COLORS = {PlateColor.BLUE, PlateColor.YELLOW, PlateColor.BLACK}
TRAITS_OF_KIND: Mapping[str, Sequence[Trait]] = {
    "energy_small": [Trait.ELECTRIC],
    "energy_large": [Trait.ELECTRIC],
    "police": [Trait.POLICE],
    "armed_police": [Trait.MILITARY],
    "military": [Trait.MILITARY],
    "emergency": [Trait.FIRE, Trait.RESCUE],  # 国家综合性消防救援车辆
}

Asked = tuple[_native.Plan, int, int, str, tuple[int, int] | None, _native.Terms | None]
Version = TypeVar("Version", Plan, Assignment)


def compile_plan(body: str, calendar: _native.Calendar | None = None) -> _native.Plan:
    """Compile a plan, refusing one that breaks a rule of the language.

    Without a calendar, the published one decides which days are holidays.
    """
    try:
        plan = _native.Plan(body, calendar or published_calendar())
    except _native.PlanError as error:
        field, rule, detail = error.args
        raise PlanInvalid(f"{field}: {detail}", field=field, rule=rule) from None
    _check_published_shape(body)
    return plan


@cache
def published_calendar() -> _native.Calendar:
    """Return the calendar as published, without rulings of the city."""
    return calendar_engine([])


def _check_published_shape(body: str) -> None:
    """Refuse what the compiler understands although the published schema has no such shape.

    Lists in the place of objects are such, with their fields by position.
    """
    try:
        language.read(body)
    except msgspec.DecodeError as error:
        detail, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").removeprefix(".") or "."
        raise PlanInvalid(f"{field}: {detail}", field=field, rule="shape") from None


def price(requests: Sequence[PriceRequest]) -> list[Quote]:
    """Price a whole batch at once; parts of a second are dropped at both ends.

    Raises SpanInvalid for the first request that no plan can price: a caller that prices what
    devices say checks the order of the two instants itself.
    """
    try:
        quotes = _native.price_many([_asked(request) for request in requests])
    except _native.SpanError as error:
        index, field, rule, detail = error.args
        raise SpanInvalid(f"{field}: {detail}", field=field, rule=rule, index=index) from None
    return [
        Quote(
            Fen(amount_fen),
            tuple(map(_line, lines)) if request.explained else (),
            None if carry is None else _carry(carry),
        )
        for request, (amount_fen, lines, carry) in zip(requests, quotes, strict=True)
    ]


def build_catalogue(
    revision: int,
    rows: Sequence[PlanRow],
    assignments: Sequence[Assignment],
    *,
    engines: Mapping[str, _native.Plan],
    hashes: Mapping[str, str],
    rulings: Sequence[Ruling] = (),
    calendar: _native.Calendar | None = None,
) -> Catalogue:
    """Index what is filed; ``engines`` holds every body compiled, ``hashes`` every body's hash."""
    plans: dict[PlanId, Plan] = {}
    versions: defaultdict[tuple[OperatorId, str], list[Plan]] = defaultdict(list)
    of_lot: defaultdict[LotId, list[Assignment]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.valid_from_at):
        plan = plans[row.plan_id] = _plan(row, engines[row.body])
        if row.withdrawn_at is None:
            versions[row.operator_id, row.plan_key].append(plan)
    for assignment in sorted(assignments, key=lambda assignment: assignment.valid_from_at):
        of_lot[assignment.lot_id].append(assignment)
    return Catalogue(
        revision=revision,
        plans=plans,
        versions=dict(versions),
        assignments=dict(of_lot),
        rows={row.plan_id: row for row in rows},
        hashes=hashes,
        bodies={plan_hash: body for body, plan_hash in hashes.items()},
        rulings=rulings,
        calendar=calendar,
    )


def plan_of_asker(
    body: Mapping[str, Any], at: datetime, calendar: _native.Calendar | None = None
) -> Plan:
    """Compile a plan that nobody has filed; it has no number and no key."""
    engine = compile_plan(plan_text(body), calendar)
    return Plan(PlanId(0), "", 0, at, None, engine.exit_grace_s, engine)


def plan_text(body: Mapping[str, Any]) -> str:
    """Return a plan as the JSON text that the compiler reads."""
    try:
        return json.dumps(body)
    except RecursionError:
        raise PlanInvalid("The plan is nested too deeply.", field=".", rule="json") from None


def check_assigned(assigned: Sequence[Assignment], done: Collection[int]) -> None:
    """Refuse lots whose operator has filed no such plan."""
    for assignment in assigned:
        if assignment.lot_id not in done:
            key = assignment.plan_key
            raise PlanUnknown(f"No plan {key} of this operator.", field="plan_key", plan_key=key)


def check_asked(asked: QuoteAsked) -> None:
    """Refuse a question with nothing, or two things, to price by."""
    if (asked.lot is None) == (asked.plan is None):
        raise LotOrPlan("Give exactly one of lot and plan.", field="lot", fields=["lot", "plan"])


def request_of(plan: Plan, asked: QuoteAsked) -> PriceRequest:
    """Return what is to be priced for somebody who asks."""
    terms = native_terms(asked.terms)
    return PriceRequest(plan, asked.entered_at, asked.until_at, asked.vehicle, terms=terms)


def native_terms(terms: QuoteTerms | None) -> _native.Terms | None:
    """Return terms as the engine reads them."""
    if terms is None:
        return None
    return _native.Terms(
        traits=list(terms.traits),
        zone=terms.zone,
        free_visits_used=terms.free_visits_used,
        coupons=[(coupon.kind, coupon.value) for coupon in terms.coupons],
        overrides=[
            (_seconds(one.from_at), _seconds(one.until_at), one.price_permille)
            for one in terms.overrides
        ],
    )


def terms_of_stay(
    plate: str,
    color: str,
    free_visits_used: int = 0,
    zone: str | None = None,
    *,
    coupons: Sequence[Coupon] = (),
    overrides: Sequence[Override] = (),
) -> _native.Terms | None:
    """Return what decides a price by the plate (GA 36-2018), by earlier visits and by the zone.

    None, which costs nothing to price, stands for nothing at all.
    """
    if coupons or overrides:
        kind = "" if color in ORDINARY_COLORS else _native.classify_plate(plate, color)[0]
        traits = tuple(TRAITS_OF_KIND.get(kind, ()))
        whole = QuoteTerms(traits, zone, free_visits_used, tuple(coupons), tuple(overrides))
        return native_terms(whole)
    if color not in ORDINARY_COLORS:
        return _terms_of_kind(_native.classify_plate(plate, color)[0], free_visits_used, zone)
    is_plain = not free_visits_used and zone is None
    return None if is_plain else _terms_of_kind("", free_visits_used, zone)


@lru_cache(TERMS_MAX)
def _terms_of_kind(kind: str, free_visits_used: int, zone: str | None) -> _native.Terms | None:
    traits = TRAITS_OF_KIND.get(kind, ())
    if not traits and not free_visits_used and zone is None:
        return None
    return _native.Terms(traits=traits, zone=zone, free_visits_used=free_visits_used)


def next_change(request: PriceRequest) -> NextChange | None:
    """Return when the amount rises next and to what; None if it does not within a month."""
    plan, entered_s, until_s, vehicle, carry, terms = _asked(request)
    found = plan.next_change(entered_s, until_s, vehicle, carry, terms)
    return None if found is None else NextChange(_instant(found[0]), Fen(found[1]))


def ruled_days(asked: QuoteAsked, rulings: Sequence[Ruling]) -> tuple[RuledDay, ...]:
    """Return the days of a span, and the two beside it, that the city has ruled on."""
    first = asked.entered_at.astimezone(CHINA).date() - DAY
    last = asked.until_at.astimezone(CHINA).date() + DAY
    ruled = [RuledDay(one.day, one.kind) for one in rulings if first <= one.day <= last]
    return tuple(sorted(ruled, key=lambda one: one.day))


def answer(
    plan: Plan, asked: QuoteAsked, quote: Quote, *, plan_hash: str, rulings: Sequence[Ruling]
) -> QuoteAnswer:
    """Return what the asker reads, not yet sealed by its own hash."""
    filed = plan.version > 0
    return QuoteAnswer(
        amount_fen=quote.amount_fen,
        currency=CURRENCY,
        plan_key=plan.plan_key if filed else None,
        version=plan.version if filed else None,
        plan_hash=plan_hash,
        quote_hash="",
        entered_at=asked.entered_at,
        until_at=asked.until_at,
        vehicle=asked.vehicle,
        terms=asked.terms,
        ruled_days=ruled_days(asked, rulings),
        lines=quote.lines,
        next_change=next_change(request_of(plan, asked)),
    )


def plan_at(catalogue: Catalogue, lot_id: LotId, at: datetime) -> Plan | None:
    """Return the version that the lot charges by at that moment, if there is one."""
    assignment = _in_force(catalogue.assignments.get(lot_id, ()), at)
    if assignment is None:
        return None
    key = (assignment.operator_id, assignment.plan_key)
    return _in_force(catalogue.versions.get(key, ()), at)


def spans_of(catalogue: Catalogue, lot_id: LotId) -> list[PlanSpan]:
    """Return by which versions a lot charges and charged, oldest first; gaps are free."""
    spans = (
        _overlap(assignment, plan)
        for assignment in catalogue.assignments.get(lot_id, ())
        for plan in catalogue.versions.get((assignment.operator_id, assignment.plan_key), ())
    )
    return sorted(filter(None, spans), key=lambda span: span.valid_from_at)


def now_and_next(
    spans: Sequence[PlanSpan], at: datetime
) -> tuple[PlanSpan | None, PlanSpan | None]:
    """Return the span that a moment lies in and the first one after that moment."""
    present = [
        span
        for span in spans
        if span.valid_from_at <= at and (span.valid_until_at is None or at < span.valid_until_at)
    ]
    later = [span for span in spans if span.valid_from_at > at]
    return next(iter(present), None), next(iter(later), None)


def _overlap(assignment: Assignment, plan: Plan) -> PlanSpan | None:
    from_at = max(assignment.valid_from_at, plan.valid_from_at)
    ends = [at for at in (assignment.valid_until_at, plan.valid_until_at) if at is not None]
    until_at = min(ends, default=None)
    if until_at is not None and until_at <= from_at:
        return None
    return PlanSpan(plan.plan_id, from_at, until_at)


def _plan(row: PlanRow, engine: _native.Plan) -> Plan:
    return Plan(
        plan_id=row.plan_id,
        plan_key=row.plan_key,
        version=row.version,
        valid_from_at=row.valid_from_at,
        valid_until_at=row.valid_until_at,
        exit_grace_s=engine.exit_grace_s,
        engine=engine,
    )


def _in_force(versions: Sequence[Version], at: datetime) -> Version | None:
    if versions and versions[-1].valid_from_at <= at:
        return _if_valid(versions[-1], at)  # nearly always the newest
    index = bisect_right(versions, at, key=lambda version: version.valid_from_at) - 1
    return None if index < 0 else _if_valid(versions[index], at)


def _if_valid(version: Version, at: datetime) -> Version | None:
    return version if version.valid_until_at is None or at < version.valid_until_at else None


def _seconds(at: datetime) -> int:
    return (at - EPOCH) // SECOND


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, CHINA)


def _asked(request: PriceRequest) -> Asked:
    carry = request.carry
    used = None if carry is None else (_seconds(carry.anchor_at), int(carry.charged_fen))
    entered_s, until_s = _seconds(request.entered_at), _seconds(request.until_at)
    return request.plan.engine, entered_s, until_s, request.vehicle.value, used, request.terms


def _carry(carry: tuple[int, int]) -> Carry:
    anchor_s, charged_fen = carry
    return Carry(_instant(anchor_s), Fen(charged_fen))


def _line(line: tuple[str | None, str, int, int, int, int, int]) -> Line:
    window, rule, from_s, until_s, units, unit_price_fen, amount_fen = line
    return Line(
        rule=LineRule(rule),
        window=window,
        from_at=_instant(from_s),
        until_at=_instant(until_s),
        units=units,
        unit_price_fen=Fen(unit_price_fen),
        amount_fen=Fen(amount_fen),
    )
