"""What providers send: verified, kept, answered, handled.

Owns: the two queues of notices, those to be kept and those to be handled, and what of them goes
together. Whatever waits when a connection comes free is kept, or handled, with one transaction.
Never: answers before a notice is committed, or lets one that fails cost another.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import structlog

from onepark.contexts.payments import meters, notice_store, rules, store
from onepark.contexts.payments.errors import NoticeStale, NoticeUnverified
from onepark.contexts.payments.facts import Facts
from onepark.contexts.payments.model import (
    Incoming,
    KeptNotice,
    NoticeAnswer,
    NoticeVerdict,
    Told,
    TradeFact,
    Verdict,
)
from onepark.contexts.payments.refunds import Refunds
from onepark.infra import faults
from onepark.infra.batching import Batcher, QueueFull
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Trouble, Tx, trouble_of

LEAVE_TO_THE_RECEIVER = timedelta(seconds=3)
AT_ONCE_MAX = 100

Item = TypeVar("Item")
Done = TypeVar("Done")
Outcome: TypeAlias = Verdict | Exception | None
Kept: TypeAlias = int | Exception | None

log = structlog.get_logger(__name__)


class Bounds(NamedTuple):
    """How many notices go together, how many may wait, and over how many connections."""

    batch_max: int
    queue_max: int
    connections: int


class Received(NamedTuple):
    """The answer to a notice, and its number when it waits to be handled."""

    answer: NoticeAnswer
    notice_id: int | None = None
    alone: bool = False  # it is not handled together with others


class _Queue(Generic[Item, Done]):
    """What goes together; before its start, each item goes at once and alone."""

    def __init__(self, do: Callable[[Sequence[Item]], Awaitable[Sequence[Done]]]) -> None:
        self._do = do
        self._batcher: Batcher[Item, Done] | None = None

    def start(self, bounds: Bounds) -> None:
        self._batcher = Batcher(
            self._do,
            batch_max=bounds.batch_max,
            queue_max=bounds.queue_max,
            workers=bounds.connections,
        )
        self._batcher.start()

    async def stop(self) -> None:
        batcher, self._batcher = self._batcher, None
        if batcher is not None:
            await batcher.stop()

    async def put(self, item: Item) -> Done:
        """Return what became of an item; QueueFull when too many wait."""
        do = self._do if self._batcher is None else self._batcher.submit
        [done] = await do([item])
        return done


class Notices:
    """Notices of providers."""

    def __init__(
        self, service_db: Database, *, facts: Facts, refunds: Refunds, clock: Clock
    ) -> None:
        self._db, self._facts, self._refunds, self._clock = service_db, facts, refunds, clock
        self._to_keep = _Queue[Incoming, Kept](self._keep)
        self._to_handle = _Queue[int, Outcome](self._handle)

    def start(self, bounds: Bounds) -> None:
        """Let notices wait for each other from now on."""
        self._to_keep.start(bounds)
        self._to_handle.start(bounds)

    async def stop(self) -> None:
        """Keep and handle what waits, and end."""
        await self._to_keep.stop()
        await self._to_handle.stop()

    # -- receiving -----------------------------------------------------------------------------

    async def receive(self, channel_name: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Verify and keep a notice, and say in the provider's words whether it is kept."""
        channel = self._facts.channel(channel_name)
        try:
            notice = channel.verify_notice(headers, body, self._clock.now())
        except NoticeStale as stale:
            meters.CALLBACKS.labels(channel_name, "stale").inc()
            await self._ask_soon(stale.out_trade_no, channel_name)
            return Received(channel.answer(NoticeVerdict.REFUSED))
        except NoticeUnverified as unverified:
            meters.unverified(channel_name, unverified)
            return Received(channel.answer(NoticeVerdict.REFUSED))
        kept = await self._kept(Incoming(channel_name, notice, body))
        if isinstance(kept, Exception):
            meters.CALLBACKS.labels(channel_name, "unavailable").inc()
            log.error("payments.notice_not_kept", channel=channel_name, exc_info=kept)
            return Received(channel.answer(NoticeVerdict.UNAVAILABLE))
        meters.CALLBACKS.labels(channel_name, "stored").inc()
        alone = notice.refund is not None or notice.is_hint
        return Received(channel.answer(NoticeVerdict.STORED), kept, alone=alone)

    async def _kept(self, one: Incoming) -> Kept:
        """Return the number of a notice that is kept now; what is wrong with it is raised."""
        try:
            kept = await self._to_keep.put(one)
        except QueueFull as full:
            return full
        if isinstance(kept, Exception) and trouble_of(kept) == Trouble.GUILTY:
            raise kept
        return kept

    async def _keep(self, incoming: Sequence[Incoming]) -> list[Kept]:
        """Keep notices together; None for each that is known already."""
        return await _halved(incoming, self._keep_together)

    async def _keep_together(self, incoming: Sequence[Incoming]) -> list[Kept]:
        first = {one.key: one for one in reversed(incoming)}
        async with self._db.transaction() as tx:
            numbers = await notice_store.keep_notices(tx, [first[key] for key in sorted(first)])
        faults.point("payments.notice_kept")
        return [numbers.pop(one.key, None) for one in incoming]

    async def _ask_soon(self, attempt_no: str | None, channel_name: str) -> None:
        """Let a rightly signed but stale notice be a hint to ask, and nothing else."""
        log.warning("payments.notice_stale", channel=channel_name)
        if attempt_no is not None:
            async with self._db.transaction() as tx:
                await store.query_again_at(tx, attempt_no, self._clock.now())
                await self._refunds.ask_soon(tx, attempt_no)

    # -- handling ------------------------------------------------------------------------------

    async def handle(self, notice_id: int) -> Verdict | None:
        """Let a kept notice do what it may; None when it waits or somebody else has it."""
        [outcome] = await self._handle([notice_id])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def handle_soon(self, received: Received) -> None:
        """Handle a notice that was just answered; if that fails, the job does it later."""
        assert received.notice_id is not None, "what was known before is not handled again"
        faults.point("payments.notice_answered")
        try:
            if received.alone:
                await self.handle(received.notice_id)
            else:
                _log_failure(await self._to_handle.put(received.notice_id))
        except QueueFull:
            log.warning("payments.notice_left_to_the_job")
        except Exception as error:  # noqa: BLE001  the job takes it again
            _log_failure(error)

    async def handle_waiting(self) -> int:
        """Handle kept notices that nobody has handled; return how many were settled."""
        before = self._clock.now() - LEAVE_TO_THE_RECEIVER
        async with self._db.connection() as tx:
            waiting = await notice_store.unhandled_notices(tx, before, limit=AT_ONCE_MAX)
        together = [one.notice_id for one in waiting if not one.alone]
        outcomes = dict(zip(together, await self._handle(together), strict=True))
        for one in waiting:
            if one.alone:
                [outcomes[one.notice_id]] = await self._handle([one.notice_id])
        failed = [number for number, one in outcomes.items() if isinstance(one, Exception)]
        for number in failed:
            _log_failure(outcomes[number])
        if failed:
            async with self._db.transaction() as tx:
                await notice_store.notices_tried(tx, failed)
        return sum(isinstance(one, Verdict) for one in outcomes.values())

    async def _handle(self, notice_ids: Sequence[int]) -> list[Outcome]:
        """Handle notices together; refunds and hints come alone."""
        return await _halved(notice_ids, self._handle_together)

    async def _handle_together(self, notice_ids: Sequence[int]) -> list[Outcome]:
        """Let notices do what they may, in the order in which they were kept."""
        answer = await self._answer_to_hint(notice_ids[0]) if len(notice_ids) == 1 else None
        async with self._db.transaction() as tx:
            taken = await notice_store.take_notices(tx, notice_ids)
            verdicts = await self._verdicts(tx, taken, answer)
            pairs = list(zip(taken, verdicts, strict=True))
            done = {one.notice_id: verdict for one, verdict in pairs if verdict is not None}
            await notice_store.notices_tried(tx, [one.notice_id for one, it in pairs if it is None])
            await notice_store.notices_handled(tx, done)
            faults.point("payments.notice_handled")
        faults.point("payments.notice_committed")
        for one, verdict in pairs:
            if verdict in {Verdict.QUARANTINED, Verdict.UNMATCHED}:
                log.error("payments.notice_odd", channel=one.channel, verdict=verdict)
        return [done.get(number) for number in notice_ids]

    async def _answer_to_hint(self, notice_id: int) -> TradeFact | None:
        """Ask the provider, before any lock, of the trade that a hint names, if it is ours."""
        async with self._db.connection() as tx:
            hint = await notice_store.hint(tx, notice_id)
            if hint is None or hint.fact is None:
                return None
            attempt = await store.attempt(tx, hint.fact.out_trade_no)
        if attempt is None or attempt.channel != hint.channel:
            return None
        return await self._facts.channel(hint.channel).query(attempt.attempt_no)

    async def _verdicts(
        self, tx: Tx, taken: Sequence[KeptNotice], answer: TradeFact | None
    ) -> list[Verdict | None]:
        """Believe what is said of trades first: a refund may be told before its payment."""
        alone = len(taken) == 1
        assert alone or not any(one.refund or one.is_hint for one in taken), "these come alone"
        facts = [rules.fact_of(one, answer) for one in taken]
        told = [Told(one.channel, it) for one, it in zip(taken, facts, strict=True) if it]
        said = iter(await self._facts.apply(tx, told))
        verdicts = []
        for one, fact in zip(taken, facts, strict=True):
            words = [next(said) if fact else None] if one.fact else []
            if one.refund is not None and Verdict.QUARANTINED not in words:
                words.append(await self._refunds.apply(tx, one.channel, one.refund))
            verdicts.append(rules.verdict_of(one, words, self._clock.now()))
        return verdicts


async def _halved(
    items: Sequence[Item], do: Callable[[Sequence[Item]], Awaitable[Sequence[Done]]]
) -> list[Done | Exception]:
    """Do it to all together; where that fails, find by halving those that fail by themselves."""
    if not items:
        return []
    try:
        return list(await do(items))
    except Exception as error:  # noqa: BLE001  who put it there hears of it
        if len(items) == 1 or trouble_of(error) == Trouble.UNKNOWN:
            return [error] * len(items)
    middle = len(items) // 2
    return [*await _halved(items[:middle], do), *await _halved(items[middle:], do)]


def _log_failure(outcome: Outcome) -> None:
    if isinstance(outcome, Exception):
        log.error("payments.notice_not_handled", exc_info=outcome)
