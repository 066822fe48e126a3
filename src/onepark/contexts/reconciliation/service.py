"""The use cases of reconciliation.

Owns: fetching and keeping files, comparing a day, believing what a bill proves, asking about what
no bill names.
Never: believes a file that does not add up, holds a transaction open for a provider, or forgets a
difference.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import structlog

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import Verdict
from onepark.contexts.reconciliation import difference_store, ours_store, rules, store
from onepark.contexts.reconciliation.errors import (
    BillEmpty,
    BillRefused,
    BillUnready,
    DayInvalid,
)
from onepark.contexts.reconciliation.keeping import keep, keep_refused
from onepark.contexts.reconciliation.model import (
    AccountBill,
    BillLine,
    Case,
    DayKey,
    DayState,
    DifferenceClass,
    Fetched,
    FileKind,
    Found,
    LineKind,
    LineState,
    Matched,
    Ours,
    Owner,
    Resolution,
    Thing,
    TradeBill,
)
from onepark.contexts.reconciliation.ports import Attempts, BillSource, Fees, Refunding
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx

LEASE = timedelta(minutes=5)
ASKED_AT_ONCE = 20
FEES_AT_ONCE = 500
PROGRAM = "bills"
COMPARED = (DayState.READ, DayState.EMPTY)
# What ends by itself once the books agree; what was paid twice stays paid twice.
ENDS_BY_ITSELF = (
    *(DifferenceClass.OURS_ONLY, DifferenceClass.THEIRS_ONLY, DifferenceClass.AMOUNT_DIFFERS),
    *(DifferenceClass.CURRENCY_DIFFERS, DifferenceClass.STATE_DIFFERS),
    DifferenceClass.FEE_DIFFERS,
)

log = structlog.get_logger(__name__)


class Compared(NamedTuple):
    """What comparing a day came to."""

    agreed: int
    found: int
    believed: int


class Reconciliation:
    """Comparing our books with what providers wrote down."""

    def __init__(
        self,
        service_db: Database,
        *,
        sources: Mapping[str, BillSource],
        attempts: Attempts,
        refunds: Refunding,
        fees: Fees | None,
        fee_ppm: Mapping[str, int],
        clock: Clock,
    ) -> None:
        self._db, self._sources, self._attempts = service_db, sources, attempts
        self._refunds = refunds
        self._fees, self._fee_ppm, self._clock = fees, fee_ppm, clock
        self._channels = sorted(sources)

    # -- files ---------------------------------------------------------------------------------

    async def fetch_next(self) -> int:
        """Fetch one file that is due; return 0 when none is."""
        now = self._clock.now()
        keys = [
            DayKey(name, kind, day)
            for name, source in self._sources.items()
            for kind in source.kinds
            for day in rules.wanted_days(now)
        ]
        if not keys:
            return 0
        async with self._db.transaction() as tx:
            await store.want(tx, keys, now)
            taken = await store.take_due(tx, self._channels, now, LEASE)
        if taken is None:
            return 0
        await self._fetch(taken.key, taken.tries)
        return 1

    async def _fetch(self, key: DayKey, tries: int) -> None:
        """Fetch a file and keep it, or note why not and when to ask again."""
        try:
            fetched = await self._source(key.channel).fetch(key.kind, key.day)
        except BillEmpty:
            await self._mark(key, DayState.EMPTY, reason=None, tries=tries)
            async with self._db.transaction() as tx:
                await store.match_again(tx, key.channel, key.day - timedelta(days=1))
        except (BillUnready, ChannelUnavailable, ChannelDeclined) as error:
            await self._mark(key, DayState.WANTED, reason=str(error)[:200], tries=tries)
        else:
            await self.take(key, fetched, tries=tries)

    async def take(self, key: DayKey, fetched: Fetched, *, tries: int = 0) -> None:
        """Read a file and keep it with its lines; one that cannot be believed is kept without."""
        source, now = self._source(key.channel), self._clock.now()
        is_trades = key.kind is FileKind.TRADE
        read: Callable[[Fetched, date], TradeBill | AccountBill] = (
            source.read_trades if is_trades else source.read_funds
        )
        try:
            bill = await asyncio.to_thread(read, fetched, key.day)
        except BillRefused as refused:
            log.warning("reconciliation.bill_refused", **key._asdict(), why=refused.reason)
            async with self._db.transaction() as tx:
                await keep_refused(tx, key, fetched, refused, at=now, by=PROGRAM)
            reason = f"{refused.reason}: {refused.detail}"[:200]
            await self._mark(key, DayState.REFUSED, reason=reason, tries=tries)
            return
        async with self._db.transaction() as tx:
            if await keep(tx, key, fetched, bill, at=now, by=PROGRAM):
                for beside in (-1, 1):
                    neighbour = key.day + timedelta(days=beside)
                    await store.match_again(tx, key.channel, neighbour)

    async def _mark(self, key: DayKey, state: DayState, *, reason: str | None, tries: int) -> None:
        now = self._clock.now()
        again_at = now if state is DayState.EMPTY else rules.next_try_at(tries, now)
        async with self._db.transaction() as tx:
            await store.mark(tx, key, state, reason=reason, next_try_at=again_at)

    # -- comparing -----------------------------------------------------------------------------

    async def match_next(self) -> int:
        """Compare one day whose files have come; return 0 when none waits."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            waiting = await store.to_match(tx, self._channels, now)
        if waiting is None:
            return 0
        try:
            await self.match_day(*waiting)
        except Exception:
            log.exception("reconciliation.not_compared", channel=waiting[0], day=waiting[1])
            async with self._db.transaction() as tx:
                await store.match_later(tx, *waiting, now + rules.RETRY_AFTER)
        return 1

    async def run_day(self, channel: str, day: date) -> Compared:
        """Fetch what is missing of a day and compare it, whether it was compared before or not."""
        source, now = self._source(channel), self._clock.now()
        if day >= rules.wanted_days(now)[0] + timedelta(days=1):
            raise DayInvalid("The bill of this day is not written yet.", field="day")
        async with self._db.transaction() as tx:
            await store.want(tx, [DayKey(channel, kind, day) for kind in source.kinds], now)
            states = await store.states(tx, channel, day)
        for kind in source.kinds:
            if states[kind] not in COMPARED:
                await self._fetch(DayKey(channel, kind, day), 1)
        return await self.match_day(channel, day)

    async def match_day(self, channel: str, day: date) -> Compared:
        """Compare a day; doing it again changes nothing unless a book has changed."""
        async with self._db.connection() as tx:
            states = await store.states(tx, channel, day)
        compared = Compared(0, 0, 0)
        if states.get(FileKind.TRADE) in COMPARED:
            compared = await self._match_trades(channel, day)
            if states.get(FileKind.FUND) in COMPARED:
                await self._match_funds(channel, day)
                await self.match_payouts()
        async with self._db.transaction() as tx:
            await store.matched(tx, channel, day, self._clock.now())
        return compared

    async def _match_trades(self, channel: str, day: date) -> Compared:
        case = await self._load(channel, day)
        matched = await asyncio.to_thread(rules.match, case)
        believed = await self._believe(channel, matched, day)
        believed += await self._move_refunds(channel, matched, day)
        rest = [one for one in matched.found if one not in believed]
        now = self._clock.now()
        async with self._db.transaction() as tx:
            await difference_store.add(tx, channel, day, rest, at=now)
            await difference_store.close_agreed(
                tx, channel, matched.agreed, at=now, classes=ENDS_BY_ITSELF
            )
        await self._post_fees(case, matched)
        return Compared(len(matched.agreed), len(rest), len(believed))

    async def _load(self, channel: str, day: date) -> Case:
        async with self._db.connection() as tx:
            lines = await store.lines_of_day(tx, channel, day)
            span = rules.bounds(day)
            paid = await ours_store.attempts_paid(tx, channel, *span)
            paid += await ours_store.refunds_paid(tx, channel, *span)
            numbers = sorted({line.our_no for line in lines} | {one.number for one in paid})
            named = await ours_store.attempts_named(tx, channel, numbers)
            named += await ours_store.refunds_named(tx, channel, numbers)
            elsewhere = await store.booked_elsewhere(tx, channel, day, numbers)
        return Case(
            day=day,
            lines=lines,
            ours={Thing(one.kind, one.number): one for one in (*paid, *named)},
            paid=[Thing(one.kind, one.number) for one in paid],
            elsewhere=elsewhere,
            fee_ppm=self._fee_ppm.get(channel),
        )

    async def _believe(self, channel: str, matched: Matched, day: date) -> list[Found]:
        """Let a bill say what no notice and no query said; return the differences it ended."""
        believed, merchant = [], self._source(channel).merchant
        found = {(one.number, one.provider_txn): one for one in matched.found}
        for line in matched.unpaid:
            difference = found[line.our_no, line.provider_txn]
            async with self._db.transaction() as tx:
                fact = rules.fact_of(line, merchant)
                verdict = await self._attempts.believe_bill(tx, channel, fact)
                if verdict is not Verdict.APPLIED:
                    continue
                await self._ended(tx, channel, day, difference)
            believed.append(difference)
        return believed

    async def _move_refunds(self, channel: str, matched: Matched, day: date) -> list[Found]:
        """Tell of refunds that went through; have asked about those that did not."""
        believed, merchant = [], self._source(channel).merchant
        found = {(one.number, one.provider_txn): one for one in matched.found}
        for line in matched.moved:
            difference = found[line.our_no, line.provider_txn]
            async with self._db.transaction() as tx:
                if line.state is not LineState.SUCCESS:
                    await self._refunds.ask_soon(tx, line.of_no)
                    continue
                fact = rules.refund_fact_of(line, merchant)
                if await self._refunds.apply(tx, channel, fact) is Verdict.APPLIED:
                    await self._ended(tx, channel, day, difference)
                    believed.append(difference)
        return believed

    async def _ended(self, tx: Tx, channel: str, day: date, difference: Found) -> None:
        """Keep a difference that the bill has found and ended at once."""
        now, resolution = self._clock.now(), Resolution.BELIEVED
        await difference_store.add(tx, channel, day, [difference], at=now, resolution=resolution)

    async def _post_fees(self, case: Case, matched: Matched) -> None:
        """Write down what the bill says that was charged, for every attempt that is ours."""
        if self._fees is None:
            return
        odd = {
            Thing(one.kind, one.number)
            for one in matched.found
            if one.difference_class is not DifferenceClass.FEE_DIFFERS
        }
        charged: list[tuple[BillLine, Ours]] = [
            (line, case.ours[thing])
            for line in case.lines
            if line.fee_fen
            and (thing := Thing(line.kind, line.our_no)) in case.ours
            and thing not in odd
        ]
        for start in range(0, len(charged), FEES_AT_ONCE):
            async with self._db.transaction() as tx:
                await self._fees.post(tx, charged[start : start + FEES_AT_ONCE])

    async def _match_funds(self, channel: str, day: date) -> None:
        async with self._db.connection() as tx:
            keys = await store.fund_keys_of_day(tx, channel, day)
            lines = await store.lines_of_fund_keys(tx, channel, keys)
            moved = await store.movements_of_fund_keys(tx, channel, keys)
        matched = await asyncio.to_thread(rules.match_funds, keys, lines, moved)
        agreed = [Thing(LineKind.OTHER, key) for key in matched.agreed]
        async with self._db.transaction() as tx:
            await self._save_funds(tx, channel, day, found=matched.found, agreed=agreed)

    async def match_payouts(self) -> None:
        """Look for what providers have paid out in what the bank says that came."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            until = await store.bank_known_until(tx)
            since = now - timedelta(days=60)
            payouts = await store.payouts(tx, since, at_bank=False)
            credits_ = await store.payouts(tx, since, at_bank=True)
        if until is None:
            return
        channel_of = {one.number: channel for channel, one in payouts}
        matched = rules.match_payouts(
            [one for _, one in payouts], [one for _, one in credits_], until
        )
        async with self._db.transaction() as tx:
            for channel in sorted(set(channel_of.values())):
                found = [one for one in matched.found if channel_of[one.number] == channel]
                agreed = [
                    Thing(LineKind.PAYOUT, number)
                    for number in matched.agreed
                    if channel_of[number] == channel
                ]
                await self._save_funds(tx, channel, until, found=found, agreed=agreed)

    async def _save_funds(
        self,
        tx: Tx,
        channel: str,
        day: date,
        *,
        found: Sequence[Found],
        agreed: Sequence[Thing],
    ) -> None:
        now, classes = self._clock.now(), (DifferenceClass.BANK_DIFFERS,)
        await difference_store.add(tx, channel, day, found, at=now)
        await difference_store.close_agreed(tx, channel, agreed, at=now, classes=classes)

    # -- what no bill names --------------------------------------------------------------------

    async def ask_overdue(self) -> int:
        """Ask about what we believe and neither the day's nor the next day's bill names."""
        async with self._db.connection() as tx:
            waiting = await difference_store.overdue(tx, self._channels, limit=ASKED_AT_ONCE)
        for one in waiting:
            try:
                await self._ask(one)
            except (ChannelUnavailable, ChannelDeclined) as refusal:
                log.warning("reconciliation.not_asked", channel=one.channel, why=refusal.detail)
        return 0

    async def _ask(self, one: difference_store.Overdue) -> None:
        """Ask the provider itself; what it does not know of either was never paid."""
        now = self._clock.now()
        fact = await self._attempts.ask_about(one.channel, one.thing.number)
        stands = rules.proves_payment(fact, ours_fen=one.ours_fen)
        if not stands:
            log.error("reconciliation.forged_notice", channel=one.channel, number=one.thing.number)
        async with self._db.transaction() as tx:
            await difference_store.asked(
                tx,
                one.difference_id,
                at=now,
                owner=Owner.PROVIDER if stands else Owner.PLATFORM,
                note=f"the provider says {fact.state}",
                incident_at=None if stands else now,
            )

    def _source(self, channel: str) -> BillSource:
        source = self._sources.get(channel)
        if source is None:
            raise DayInvalid("No such channel writes bills.", field="channel")
        return source
