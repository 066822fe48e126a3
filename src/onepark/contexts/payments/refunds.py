"""Giving money back.

Owns: reserving refunds, asking providers for them, the one way to believe what is said of a refund,
and what goes back by itself.
Never: takes a second number for one refund, waits for a provider inside a transaction, or changes a
refund without its attempt's lock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import structlog
from msgspec.structs import replace

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments import journals, meters, numbers, refund_store, rules, store
from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    ChannelUnknown,
)
from onepark.contexts.payments.events import refund_succeeded_of
from onepark.contexts.payments.model import (
    LIVE_STATES,
    Attempt,
    Cause,
    Refund,
    RefundFact,
    RefundRequest,
    RefundState,
    RefundWord,
    Ruling,
    Verdict,
)
from onepark.contexts.payments.ports import Channel, Payable, RefundWatch
from onepark.contexts.stays.ports import OrderRefund, RefundView
from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.types import Fen, OrderNo

GIVE_BACK_AT_ONCE = 100
ASK_AT_ONCE = 16
ASKED_MAX = 32  # two calls each, and a provider may take its time: within the bound of a job
PLATFORM = "onepark"
NO_CHANNEL_GAP = timedelta(minutes=10)
SURPLUS_REASON = "重复支付退款"
ORDER_REASON = "停车费更正退款"

OneKey = TypeVar("OneKey", str, OrderNo)

log = structlog.get_logger(__name__)


class Ask(NamedTuple):
    """Who wants money to go back, and why."""

    cause: Cause
    reason: str
    by: str
    request_key: str | None = None
    again_of: str | None = None


BY_ITSELF = {
    Cause.SURPLUS: Ask(Cause.SURPLUS, SURPLUS_REASON, PLATFORM),
    Cause.ORDER: Ask(Cause.ORDER, ORDER_REASON, PLATFORM),
}


class Refunds:
    """Giving money back through the channel that it came by."""

    def __init__(
        self,
        service_db: Database,
        *,
        payable: Payable,
        channels: Mapping[str, Channel],
        ledger: Ledger,
        clock: Clock,
        public_url: str,
        watch: RefundWatch | None = None,
    ) -> None:
        self._db, self._payable, self._ledger, self._clock = service_db, payable, ledger, clock
        self._watch = watch
        self._channels, self._public_url = channels, public_url.rstrip("/")

    # -- reserving -----------------------------------------------------------------------------

    async def reserve(self, tx: Tx, parts: Sequence[tuple[Attempt, Fen]], ask: Ask) -> list[Refund]:
        """Reserve parts of attempts that the caller has locked; the provider is asked later."""
        now = self._clock.now()
        made = [_new_refund(attempt, amount, ask, at=now) for attempt, amount in parts]
        for order_no in sorted({one.order_no for one in made if not one.surplus}):
            await self._tell_watch(tx, order_no)
        for refund in made:
            await refund_store.new_refund(tx, refund)
            await self._post(tx, refund, journals.reserved, at=now)
        faults.point("payments.refund_reserved")
        return made

    async def _tell_watch(self, tx: Tx, order_no: OrderNo) -> None:
        if self._watch is not None:
            await self._watch.refund_reserved(tx, order_no)

    async def of_order(self, order_no: OrderNo) -> list[OrderRefund]:
        """Return what went back, or will, of an order, as its payer sees it."""
        async with self._db.connection() as tx:
            found = await refund_store.of_order(tx, order_no)
        return [OrderRefund(one.amount_fen, _seen(one)) for one in found]

    # -- what goes back by itself ----------------------------------------------------------------

    async def give_back(self) -> int:
        """Reserve what is to go back by itself; return how many refunds that made."""
        async with self._db.connection() as tx:
            surplus = await refund_store.surplus_waiting(tx, limit=GIVE_BACK_AT_ONCE)
            orders = await refund_store.orders_to_give_back(tx, limit=GIVE_BACK_AT_ONCE)
        made = [await self._or_log(self.give_back_surplus, attempt_no) for attempt_no in surplus]
        made += [await self._or_log(self.give_back_due, OrderNo(one.order_no)) for one in orders]
        return sum(made)

    async def give_back_surplus(self, attempt_no: str) -> int:
        """Give a payment back whose charge was settled already; once, whoever asks how often."""
        async with self._db.transaction() as tx:
            [attempt] = await store.lock_attempts(tx, [attempt_no])
            if not attempt.surplus or await refund_store.has_surplus_refund(tx, attempt_no):
                return 0
            back = await refund_store.back_by_attempt(tx, [attempt])
            parts = rules.taken_from([attempt], back, attempt.amount_fen)
            return len(await self.reserve(tx, parts, BY_ITSELF[Cause.SURPLUS]))

    async def give_back_due(self, order_no: OrderNo) -> int:
        """Give back what an order was paid above its fee, from its newest payment on."""
        async with self._db.transaction() as tx:
            attempts = await refund_store.lock_paid_attempts(tx, [order_no])
            due_fen = await self._payable.refund_due(tx, order_no)
            to_give = due_fen - await refund_store.going_back(tx, order_no)
            back = await refund_store.back_by_attempt(tx, attempts)
            parts = rules.taken_from(attempts, back, max(to_give, 0))
            return len(await self.reserve(tx, parts, BY_ITSELF[Cause.ORDER]))

    async def _or_log(self, give: Callable[[OneKey], Awaitable[int]], key: OneKey) -> int:
        """Give one back; one that fails costs no other."""
        try:
            return await give(key)
        except Exception:
            log.exception("payments.refund_not_reserved", key=key)
            return 0

    # -- asking providers ------------------------------------------------------------------------

    async def ask_providers(self) -> int:
        """Ask for refunds that are due, each under its own number; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            due = await refund_store.lock_due(tx, now, limit=ASKED_MAX)
            next_at = {number: now + self._gap(channel) for number, channel in due.items()}
            taken = await refund_store.take_due(tx, now, next_at)
        at_once = asyncio.Semaphore(ASK_AT_ONCE)
        await asyncio.gather(*(self._ask_or_log(refund, at_once) for refund in taken))
        return len(taken)

    def _gap(self, channel_name: str) -> timedelta:
        channel = self._channels.get(channel_name)
        return NO_CHANNEL_GAP if channel is None else channel.refund_gap

    async def _ask_or_log(self, refund: Refund, at_once: asyncio.Semaphore) -> None:
        """Ask for one refund; a provider that fails holds up no other."""
        async with at_once:
            try:
                await self._ask(refund)
            except Exception:
                log.exception("payments.refund_not_asked", channel=refund.channel)

    async def _ask(self, refund: Refund) -> None:
        channel = self._channels.get(refund.channel)
        if channel is None:
            await self._tried(refund, None, trouble=rules.UNANSWERED)
            return
        try:
            fact = await self._said_of(channel, refund)
        except ChannelUnavailable as silent:
            trouble = str(silent.facts.get("provider_code") or rules.UNANSWERED)
            await self._tried(refund, None, trouble=trouble)
        except ChannelDeclined as declined:
            await self._declined(channel, refund, str(declined.facts.get("provider_code")))
        else:
            faults.point("payments.refund_asked")
            await self._tried(refund, fact, trouble=None)

    async def _said_of(self, channel: Channel, refund: Refund) -> RefundFact:
        """Ask for a refund, or after one that was accepted; one that got lost is asked for anew."""
        if refund.state == RefundState.PROCESSING:
            number = refund.attempt_no
            fact = await channel.query_refund(refund.refund_no, out_trade_no=number)
            if fact.word != RefundWord.ABSENT:
                return fact
        async with self._db.connection() as tx:
            attempt = await store.attempt(tx, refund.attempt_no)
        assert attempt is not None, "attempts are never deleted"
        return await channel.refund(self._request(refund, attempt))

    async def _declined(self, channel: Channel, refund: Refund, code: str) -> None:
        """Hand a declined refund to a person, unless the provider has it all the same."""
        number = refund.attempt_no
        try:
            fact = await channel.query_refund(refund.refund_no, out_trade_no=number)
        except (ChannelUnavailable, ChannelDeclined):
            await self._tried(refund, None, trouble=rules.UNANSWERED)
            return
        if fact.word != RefundWord.ABSENT:
            await self._tried(refund, fact, trouble=code)
            return
        log.error("payments.refund_declined", channel=refund.channel, provider_code=code)
        async with self._db.transaction() as tx:
            await store.lock_attempt(tx, refund.attempt_no, refund.channel)
            now = await refund_store.refund(tx, refund.refund_no)
            if now is not None and now.state in rules.UNDER_WAY:
                await self._move(tx, now, RefundState.ABNORMAL, trouble=code)

    async def _tried(self, refund: Refund, fact: RefundFact | None, *, trouble: str | None) -> None:
        """Believe what was said, and say when to ask again if it was not the last word."""
        async with self._db.transaction() as tx:
            await store.lock_attempt(tx, refund.attempt_no, refund.channel)
            if fact is not None:
                verdict = await self.apply(tx, refund.channel, fact)
                if verdict == Verdict.QUARANTINED:
                    log.error("payments.refund_odd", channel=refund.channel, verdict=verdict.value)
            now = await refund_store.refund(tx, refund.refund_no)
            if now is not None and now.state in rules.UNDER_WAY:
                await self._ask_again(tx, now, trouble)
        faults.point("payments.refund_tried")

    async def _ask_again(self, tx: Tx, refund: Refund, trouble: str | None) -> None:
        """Say when to ask again, or hand over what was asked for too often."""
        given_up = rules.given_up(refund)
        if given_up is not None:
            why = trouble if trouble and given_up == rules.UNANSWERED else given_up
            await self._move(tx, refund, RefundState.ABNORMAL, trouble=why)
            return
        sent = refund.state == RefundState.SENT
        state = RefundState.UNKNOWN if sent else refund.state
        await self._move(tx, refund, state, trouble=trouble)

    def _request(self, refund: Refund, attempt: Attempt) -> RefundRequest:
        return RefundRequest(
            refund_no=refund.refund_no,
            out_trade_no=refund.attempt_no,
            amount_fen=refund.amount_fen,
            paid_fen=Fen(attempt.amount_fen),
            reason=refund.reason,
            notify_url=f"{self._public_url}/v1/payments/notices/{refund.channel}",
        )

    async def ask_soon(self, tx: Tx, attempt_no: str) -> None:
        """Have the provider asked at once after the refunds of an attempt that it accepted."""
        await refund_store.ask_soon(tx, attempt_no, self._clock.now())

    # -- one way to believe a provider ---------------------------------------------------------

    async def apply(self, tx: Tx, channel_name: str, fact: RefundFact) -> Verdict | None:
        """Apply a fact, be it an answer, a query or a notice, under the attempt's lock.

        None: there is no such attempt, or not yet.
        """
        channel = self._channels.get(channel_name)
        if channel is None:
            raise ChannelUnknown("No such channel is open here.", channels=sorted(self._channels))
        attempt = await store.lock_attempt(tx, fact.out_trade_no, channel_name)
        if attempt is None:
            return None
        refund = await refund_store.refund(tx, fact.refund_no)
        if refund is None:
            return await self._of_a_stranger(tx, attempt, fact)
        back = await refund_store.back_by_attempt(tx, [attempt])
        left_fen = attempt.amount_fen - back.get(attempt.attempt_no, 0)
        verdict = rules.judge_refund(
            refund, attempt, fact, merchant=channel.merchant, left_fen=left_fen
        )
        meters.REFUND_FACTS.labels(channel_name, verdict.value).inc()
        if verdict == Verdict.APPLIED:
            await self._believe(tx, refund, fact)
        return verdict

    async def _of_a_stranger(self, tx: Tx, attempt: Attempt, fact: RefundFact) -> Verdict:
        """Keep in mind a refund that we never asked for: an unpaid attempt must have been paid."""
        if attempt.state in LIVE_STATES:
            await store.query_again_at(tx, attempt.attempt_no, self._clock.now())
        log.error("payments.refund_not_ours", channel=attempt.channel, word=fact.word.value)
        return Verdict.UNMATCHED

    async def _believe(self, tx: Tx, refund: Refund, fact: RefundFact) -> None:
        state = rules.REFUND_STATE_OF[fact.word]
        named = replace(refund, provider_refund=fact.provider_refund or refund.provider_refund)
        said = {RefundState.ABNORMAL: "abnormal", RefundState.CLOSED: "closed"}.get(state)
        if state == RefundState.SUCCESS:
            await self._succeed(tx, named, before=refund, at=fact.refunded_at)
        else:
            await self._move(tx, named, state, trouble=said, before=refund)

    async def _succeed(
        self, tx: Tx, refund: Refund, *, before: Refund, at: datetime | None
    ) -> None:
        """Keep that the payer has the money, and let the order that it was of know."""
        at = at or self._clock.now()
        done = replace(refund, state=RefundState.SUCCESS, refunded_at=at)
        done = replace(done, trouble=None, waits_since_at=None, due_at=None)
        await refund_store.moved(tx, before, done, next_query_at=None)
        await self.paid_back(tx, done, before=before)

    async def paid_back(self, tx: Tx, refund: Refund, *, before: Refund) -> None:
        """Take what went back out of the order and the books; the caller has kept the refund."""
        assert refund.refunded_at is not None, "it went back at a time"
        if before.state == RefundState.CLOSED and not refund.surplus:
            await self._tell_watch(tx, refund.order_no)
        if not refund.surplus:
            await self._payable.refunded(tx, refund.order_no, refund.amount_fen)
        if before.state == RefundState.CLOSED:
            await self._post(tx, refund, journals.reserved_again, at=refund.refunded_at)
        by_hand = refund.ruling == Ruling.PAID_ELSEWHERE
        paid = journals.paid_by_hand if by_hand else journals.paid
        await self._post(tx, refund, paid, at=refund.refunded_at)
        await store.post(tx, [refund_succeeded_of(refund, refunded_at=refund.refunded_at)])
        meters.REFUNDED.labels(refund.channel, refund.cause.value).inc()
        faults.point("payments.refunded")

    async def released(self, tx: Tx, refund: Refund) -> None:
        """Take a refund out of the books that came to nothing."""
        await self._post(tx, refund, journals.released, at=self._clock.now())

    async def _move(
        self,
        tx: Tx,
        refund: Refund,
        state: RefundState,
        *,
        trouble: str | None,
        before: Refund | None = None,
    ) -> None:
        """Keep where a refund stands; what came to nothing waits for a person from now on."""
        before, at = before or refund, self._clock.now()
        waits = state in {RefundState.ABNORMAL, RefundState.CLOSED}
        now = replace(
            refund,
            state=state,
            trouble=trouble,
            waits_since_at=(refund.waits_since_at or at) if waits else None,
            due_at=(refund.due_at or at + rules.LOOKED_AT_IN) if waits else None,
        )
        again_at = rules.refund_again_at(now, at) if state in rules.UNDER_WAY else None
        await refund_store.moved(tx, before, now, next_query_at=again_at)
        if state == RefundState.CLOSED:
            await self.released(tx, now)
        if waits:
            log.error("payments.refund_waits", channel=refund.channel, state=state.value)

    async def _post(
        self, tx: Tx, refund: Refund, journal: journals.Writer, *, at: datetime
    ) -> None:
        """Write what happened into the books."""
        await self._ledger.post(tx, [journal(refund, at)])


def _new_refund(attempt: Attempt, amount_fen: Fen, ask: Ask, *, at: datetime) -> Refund:
    return Refund(
        refund_no=numbers.fresh_number(at),
        attempt_no=attempt.attempt_no,
        lot_id=attempt.lot_id,
        operator_id=attempt.operator_id,
        order_no=attempt.order_no,
        channel=attempt.channel,
        surplus=attempt.surplus,
        amount_fen=amount_fen,
        cause=ask.cause,
        reason=ask.reason,
        asked_by=ask.by,
        asked_at=at,
        request_key=ask.request_key,
        again_of=ask.again_of,
        revenue_kind=attempt.revenue_kind,
    )


def _seen(refund: Refund) -> RefundView:
    if refund.state == RefundState.SUCCESS:
        return "success"
    return "closed" if refund.state == RefundState.CLOSED else "processing"
