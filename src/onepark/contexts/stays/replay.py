"""What the past would have cost under another plan.

Owns: pricing stays that are over again, and who would have paid more, less or the same.
Never: writes a row, shows a whole plate, or holds more of the past than one chunk.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from onepark.contexts.stays import replay_store
from onepark.contexts.stays.pricing import with_benefits
from onepark.contexts.stays.replay_store import PastStay
from onepark.contexts.stays.visits import remember, used_before
from onepark.contexts.tariffs.model import Carry, Plan, PriceRequest, Quote
from onepark.contexts.tariffs.rules import price, terms_of_stay
from onepark.infra.db import Database, StaffScope
from onepark.kernel.masks import mask_plate
from onepark.kernel.types import Fen, LotId, StayId, Vehicle

LARGEST = 10
CHUNK_STAYS = 10_000  # in memory at one time

CarKey: TypeAlias = tuple[LotId, str]
Carries: TypeAlias = dict[CarKey, Carry | None]
FreeEntries: TypeAlias = dict[CarKey, list[datetime]]


class Tally(Struct):
    """Stays by how their fee changes; ``earned_fen`` is what was fixed for them."""

    stays: int = 0
    more: int = 0
    less: int = 0
    same: int = 0
    earned_fen: int = 0
    would_earn_fen: int = 0

    def count(self, before_fen: int, after_fen: int) -> None:
        """Count one stay in."""
        self.stays += 1
        self.more += after_fen > before_fen
        self.less += after_fen < before_fen
        self.same += after_fen == before_fen
        self.earned_fen += before_fen
        self.would_earn_fen += after_fen


class Difference(Struct, frozen=True):
    """One stay whose fee changes much."""

    stay_id: StayId
    lot: str
    plate_masked: str
    vehicle: str
    entered_at: datetime
    exited_at: datetime
    earned_fen: int
    would_earn_fen: int


class ReplayReport(Struct, frozen=True):
    """What a span of the past earned and would have earned."""

    from_at: datetime
    to_at: datetime
    lots: tuple[str, ...]
    total: Tally
    by_vehicle: dict[str, Tally]
    largest: list[Difference]


class Replay:
    """Past stays under a new plan, chunk by chunk, within the rows that a scope may see."""

    def __init__(self, staff_db: Database, *, chunk_stays: int = CHUNK_STAYS) -> None:
        self._db, self._chunk_stays = staff_db, chunk_stays

    async def run(
        self,
        plan: Plan,
        lots: Mapping[LotId, str],
        *,
        from_at: datetime,
        to_at: datetime,
        scope: StaffScope,
    ) -> ReplayReport:
        """Price what came in a span to these lots, given with their codes, under another plan."""
        books, carries, free = _Books(lots), Carries(), FreeEntries()
        async with self._db.transaction(scope) as tx:
            chunks = replay_store.past_stays(
                tx, list(lots), from_at=from_at, to_at=to_at, chunk_stays=self._chunk_stays
            )
            async for chunk in chunks:
                counted, free = count_again(plan, chunk, free)
                fees, carries = price_again(plan, counted, carries)
                books.add(chunk, fees)
        codes = tuple(sorted(lots.values()))
        return ReplayReport(
            from_at, to_at, codes, books.total, dict(books.by_vehicle), books.largest()
        )


def count_again(
    plan: Plan, stays: Sequence[PastStay], free: FreeEntries
) -> tuple[Sequence[PastStay], FreeEntries]:
    """Count free visits where the plan has a quota and that of a stay had none.

    What was counted when a stay began stands: later visits and late entries were not known then.
    Returns the free entries of the last car, too, whose next visits another chunk may hold.
    """
    quota = plan.free_quota
    if quota is None or not stays:
        return stays, {}
    counted, given = list[PastStay](), FreeEntries()
    for stay in stays:
        car, used = _car(stay), stay.free_visits_used
        known = given.get(car) or free.get(car, [])
        used = used_before(known, stay.entered_at, quota) if used is None else used
        if used < quota.visits:
            known = remember(known, stay.entered_at)
        given = {car: known}
        counted.append(stay._replace(free_visits_used=used))
    return counted, given


def price_again(
    plan: Plan, stays: Sequence[PastStay], carries: Carries
) -> tuple[list[Fen], Carries]:
    """Return the fees of stays, each car's in order, and what carries over to the last car's next.

    One call prices them all. Only where the plan lets something carry over from visit to visit is
    a car's second visit priced after its first, its third after that, and so on.
    """
    quotes = price([_request(plan, stay, None) for stay in stays])
    if any(quote.carry for quote in quotes) or any(carries.values()):
        quotes = _visit_by_visit(plan, stays, carries)
    last = {_car(stays[-1]): quotes[-1].carry} if stays else {}
    known = zip(stays, quotes, strict=True)
    return [
        _fee(plan, stay, quote) if stay.benefits else quote.amount_fen for stay, quote in known
    ], last


def _fee(plan: Plan, stay: PastStay, plain: Quote) -> Fen:
    """Return what a stay costs with the passes and coupons that its car had."""
    request = replace(_request(plan, stay, None), explained=False)
    return with_benefits(stay, request, plain, stay.benefits).amount_fen


def _visit_by_visit(plan: Plan, stays: Sequence[PastStay], carries: Carries) -> list[Quote]:
    waves: defaultdict[int, list[int]] = defaultdict(list)
    visits: defaultdict[CarKey, int] = defaultdict(int)
    for place, stay in enumerate(stays):
        waves[visits[_car(stay)]].append(place)
        visits[_car(stay)] += 1
    known, quotes = dict(carries), dict[int, Quote]()
    for places in waves.values():
        requests = [_request(plan, stays[place], known.get(_car(stays[place]))) for place in places]
        for place, quote in zip(places, price(requests), strict=True):
            quotes[place] = quote
            known[_car(stays[place])] = quote.carry
    return [quotes[place] for place in range(len(stays))]


def _request(plan: Plan, stay: PastStay, carry: Carry | None) -> PriceRequest:
    used = stay.free_visits_used or 0
    terms = terms_of_stay(stay.plate, stay.plate_color, used, stay.zone)
    vehicle = Vehicle(stay.vehicle)
    return PriceRequest(plan, stay.entered_at, stay.exited_at, vehicle, carry, terms=terms)


def _car(stay: PastStay) -> CarKey:
    return stay.lot_id, stay.car_key


class _Books:
    """What all chunks so far come to."""

    def __init__(self, lots: Mapping[LotId, str]) -> None:
        self.total = Tally()
        self.by_vehicle: defaultdict[str, Tally] = defaultdict(Tally)
        self._lots = lots
        self._largest: list[tuple[int, int, Difference]] = []

    def add(self, stays: Sequence[PastStay], fees: Sequence[Fen]) -> None:
        """Count stays in with their new fees."""
        for stay, fee in zip(stays, fees, strict=True):
            self.total.count(stay.fee_fen, fee)
            self.by_vehicle[stay.vehicle].count(stay.fee_fen, fee)
            self._keep(stay, fee)

    def largest(self) -> list[Difference]:
        """Return the stays whose fee changes most, the most first."""
        return [found for _, _, found in sorted(self._largest, reverse=True)]

    def _keep(self, stay: PastStay, fee: Fen) -> None:
        size = abs(fee - stay.fee_fen)
        rank = (size, -stay.stay_id)
        if size == 0 or (len(self._largest) == LARGEST and rank < self._largest[0][:2]):
            return
        entry = (*rank, self._difference(stay, fee))
        if len(self._largest) < LARGEST:
            heapq.heappush(self._largest, entry)
        else:
            heapq.heapreplace(self._largest, entry)

    def _difference(self, stay: PastStay, fee: Fen) -> Difference:
        return Difference(
            stay_id=stay.stay_id,
            lot=self._lots[stay.lot_id],
            plate_masked=mask_plate(stay.plate),
            vehicle=stay.vehicle,
            entered_at=stay.entered_at,
            exited_at=stay.exited_at,
            earned_fen=stay.fee_fen,
            would_earn_fen=fee,
        )
