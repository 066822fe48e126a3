"""What stays cost, with the passes and coupons of their cars.

Owns: the price of a batch of stays: by the plan, then by what passes cover and coupons take off;
and the pool and the seat that a pass gives a car as it comes.
Never: awaits, reads the clock, or lets a benefit raise a price.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from onepark import _native
from onepark.contexts.membership import rules as membership
from onepark.contexts.membership.model import Benefit
from onepark.contexts.membership.rules import Covered
from onepark.contexts.stays.case import PriceOf, Seats
from onepark.contexts.stays.errors import TariffNotLoaded
from onepark.contexts.stays.model import Stay
from onepark.contexts.stays.ports import Plans
from onepark.contexts.tariffs.errors import SpanInvalid
from onepark.contexts.tariffs.model import (
    Coupon,
    Line,
    LineRule,
    Override,
    PriceRequest,
    Quote,
)
from onepark.contexts.tariffs.rules import price, terms_of_stay
from onepark.kernel.types import Fen, Pool, Vehicle

FREE = Quote(Fen(0), (), None)
VEHICLES = {one.value: one for one in Vehicle}  # looking one up costs a tenth of calling the class
SPANS_MAX = 8  # that the engine takes at once; a stay with more is priced in parts
SPAN_LASTS_MAX = timedelta(days=92)


class Priced(Protocol):
    """A stay, as far as passes and coupons go."""

    @property
    def plate(self) -> str: ...

    @property
    def plate_color(self) -> str: ...

    @property
    def free_visits_used(self) -> int | None: ...

    @property
    def zone(self) -> str | None: ...

    @property
    def fleet_id(self) -> int | None: ...


def price_stays(plans: Plans, asks: Sequence[PriceOf]) -> list[Quote]:
    """Price spans, the whole batch at once; a stay in a lot without a filed tariff costs nothing.

    Raises TariffNotLoaded for a plan that was filed since this process last looked.
    """
    requests = [_request(plans, ask) for ask in asks]
    plain = iter(price([one for one in requests if one is not None]))
    quotes = [FREE if one is None else next(plain) for one in requests]
    for place, ask in enumerate(asks):
        request = requests[place]
        if ask.benefits and request is not None:
            quotes[place] = with_benefits(ask.stay, request, quotes[place], ask.benefits)
    return quotes


def _request(plans: Plans, ask: PriceOf) -> PriceRequest | None:
    stay = ask.stay
    if stay.plan_id is None:
        return None
    plan = plans.plan(stay.plan_id)
    if plan is None:
        raise TariffNotLoaded("The tariff of this stay is not loaded yet; try again.")
    if stay.entered_at is None:
        return None
    return PriceRequest(
        plan,
        stay.entered_at,
        ask.until_at,
        VEHICLES[stay.vehicle],
        stay.carry,
        terms=terms_of_stay(stay.plate, stay.plate_color, stay.free_visits_used or 0, stay.zone),
        explained=ask.explained,
    )


def with_benefits(
    stay: Priced, request: PriceRequest, plain: Quote, benefits: Sequence[Benefit]
) -> Quote:
    """Return the lowest price that the car's passes and coupons come to."""
    ends = (request.entered_at, request.until_at)
    spans = membership.covered(benefits, *ends, zone=stay.zone, fleet_id=stay.fleet_id)
    if _is_whole(spans, *ends):
        return Quote(Fen(0), _line_of(spans[0]) if request.explained else (), None)
    redeemed = membership.coupons(benefits, *ends)
    coupons = tuple(map(membership.coupon_of, redeemed))
    found = [plain]
    if coupons:
        found += _priced(stay, request, (), coupons)
    if spans:
        found += _priced(stay, request, spans, coupons)
    return min(reversed(found), key=lambda quote: quote.amount_fen)


def _is_whole(spans: Sequence[Covered], from_at: datetime, until_at: datetime) -> bool:
    return (
        len(spans) == 1
        and spans[0].from_at <= from_at
        and spans[0].until_at >= until_at.replace(microsecond=0)
    )


def _priced(
    stay: Priced, request: PriceRequest, spans: Sequence[Covered], coupons: tuple[Coupon, ...]
) -> list[Quote]:
    """Price a stay with what is covered of it; nothing, if its plan does not take the coupons."""
    parts = list(_parts(request, list(_short(spans))))
    requests = [
        replace(one, terms=_terms(stay, covered, coupons if one is parts[-1][0] else ()))
        for one, covered in parts
    ]
    try:
        quotes = price(requests)
    except SpanInvalid:
        return []
    lines = [_named(line, spans) for quote in quotes for line in quote.lines]
    amount = sum(quote.amount_fen for quote in quotes)
    return [Quote(Fen(amount), tuple(lines), quotes[-1].carry)]


def _short(spans: Sequence[Covered]) -> Iterator[Covered]:
    for span in spans:
        at = span.from_at
        while at < span.until_at:
            until_at = min(at + SPAN_LASTS_MAX, span.until_at)
            yield Covered(at, until_at, span.name)
            at = until_at


def _parts(
    request: PriceRequest, spans: Sequence[Covered]
) -> Iterator[tuple[PriceRequest, Sequence[Covered]]]:
    """Cut a stay where every eighth covered span ends; each part is priced as a stay."""
    from_at, carry = request.entered_at, request.carry
    for start in range(0, max(len(spans), 1), SPANS_MAX):
        own = spans[start : start + SPANS_MAX]
        is_last = start + SPANS_MAX >= len(spans)
        until_at = request.until_at if is_last else own[-1].until_at
        yield replace(request, entered_at=from_at, until_at=until_at, carry=carry), own
        from_at, carry = until_at, None


def _terms(
    stay: Priced, spans: Sequence[Covered], coupons: tuple[Coupon, ...]
) -> _native.Terms | None:
    overrides = tuple(Override(span.from_at, span.until_at) for span in spans)
    return terms_of_stay(
        *(stay.plate, stay.plate_color, stay.free_visits_used or 0, stay.zone),
        coupons=coupons,
        overrides=overrides,
    )


def _named(line: Line, spans: Sequence[Covered]) -> Line:
    """Say of a line that a pass made it, and which."""
    if line.rule != LineRule.OVERRIDE:
        return line
    names = [one.name for one in spans if one.from_at <= line.from_at < one.until_at]
    return replace(line, rule=LineRule.PASS, window=names[0] if names else line.window)


def _line_of(span: Covered) -> tuple[Line, ...]:
    return (Line(LineRule.PASS, span.name, span.from_at, span.until_at, 0, Fen(0), Fen(0)),)


def settle_in(stay: Stay, benefits: Sequence[Benefit], seats: Seats | None) -> None:
    """Let a stay that begins take the pool, and the seat, of the pass that its car has then."""
    assert stay.entered_at is not None, "a stay counts from its entry"
    for one in membership.valid_at(benefits, stay.entered_at, zone=stay.zone):
        if one.fleet_id is None or (
            seats is not None and seats.take(stay.lot_id, one, stay.entered_at)
        ):
            stay.pool, stay.fleet_id = Pool(one.pool), one.fleet_id
            return
