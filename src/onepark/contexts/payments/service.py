"""The use cases of taking money.

Owns: beginning a payment, keeping and handling notices, asking providers.
Never: writes SQL, speaks HTTP, or waits for a provider inside a transaction.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments import attempts, meters, rules, store
from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    ChannelUnknown,
    KeyMissing,
    KeyReused,
    NoticeStale,
    NoticeUnverified,
)
from onepark.contexts.payments.events import attempt_succeeded_of
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    KeptNotice,
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    Payer,
    PaymentAnswer,
    PaymentAsked,
    PayRequest,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.payments.ports import Channel, Payable
from onepark.contexts.payments.refunds import Refunds
from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Trouble, Tx, trouble_of
from onepark.kernel.types import OrderNo

DESCRIPTION = "停车费"
LEAVE_TO_THE_RECEIVER = timedelta(seconds=3)
AT_ONCE_MAX = 100
KEY_CHARACTERS_MAX = 128
ASK_AT_ONCE = 16

BY_CODE = Payer()

log = structlog.get_logger(__name__)


class Received(NamedTuple):
    """The answer to a notice, and its number when it waits to be handled."""

    answer: NoticeAnswer
    notice_id: int | None


class Payments:
    """Taking money through channels."""

    def __init__(
        self,
        service_db: Database,
        *,
        payable: Payable,
        channels: Mapping[str, Channel],
        refunds: Refunds,
        clock: Clock,
        public_url: str,
        ledger: Ledger | None = None,
    ) -> None:
        self._db, self.payable, self._clock = service_db, payable, clock
        self._ledger = ledger or Ledger()
        self._channels, self._public_url = channels, public_url.rstrip("/")
        self._refunds = refunds
        meters.open_for(channels)

    # -- beginning -----------------------------------------------------------------------------

    async def pay(
        self, asked: PaymentAsked, *, key: str | None, address: str | None = None
    ) -> PaymentAnswer:
        """Begin a payment under the client's key and say how to go on."""
        if key is None or not 0 < len(key) <= KEY_CHARACTERS_MAX or not key.isprintable():
            raise KeyMissing("Send an Idempotency-Key of your own with every new payment.")
        payer = Payer(asked.kind, asked.payer_id, address)
        attempt = await self.begin(OrderNo(asked.order_no), asked.channel, key=key, payer=payer)
        return attempts.answer_of(attempt)

    async def begin(
        self, order_no: OrderNo, channel_name: str, *, key: str, payer: Payer = BY_CODE
    ) -> Attempt:
        """Begin to pay what an order owes now, or return what this key began before.

        The attempt is kept before the provider hears of it, so that no answer, however early or
        late, meets a trade that we do not know.
        """
        channel = self._channel(channel_name)
        attempts.check_kind(channel, payer)
        attempt = await self._keep_attempt(order_no, channel_name, key, payer)
        faults.point("payments.attempt_kept")
        if attempt.state == AttemptState.FAILED:
            raise ChannelDeclined("The channel declined this payment.", channel=channel_name)
        if attempt.state != AttemptState.CREATED:
            return attempt
        try:
            instruction = await channel.create(self._pay_request(attempt, payer))
        except ChannelDeclined:
            paid = await self._paid_before(channel, attempt)
            if paid is None:
                raise
            return paid
        faults.point("payments.trade_placed")
        async with self._db.transaction() as tx:
            await store.attempt_pending(tx, attempt.attempt_no, instruction)
            begun = await store.attempt(tx, attempt.attempt_no)
        assert begun is not None, "attempts are never deleted"
        return begun

    async def _paid_before(self, channel: Channel, attempt: Attempt) -> Attempt | None:
        """Return a declined attempt if it is paid: it was placed before, and nobody heard of it.

        Only a trade that the provider does not know has failed; any other is asked after later.
        """
        fact = await channel.query(attempt.attempt_no)
        async with self._db.transaction() as tx:
            await self._apply(tx, attempt.channel, fact)
            if fact.state == TradeState.ABSENT:
                await store.attempt_ended(tx, attempt.attempt_no, AttemptState.FAILED)
            now = await store.attempt(tx, attempt.attempt_no)
        return now if now is not None and now.state == AttemptState.SUCCESS else None

    async def _keep_attempt(
        self, order_no: OrderNo, channel_name: str, key: str, payer: Payer
    ) -> Attempt:
        fingerprint = rules.fingerprint(order_no, channel_name, payer)
        async with self._db.transaction() as tx:
            request = await store.keep_request(tx, key, fingerprint)
            if request.fingerprint != fingerprint:
                raise KeyReused("The key came with another order or channel.")
            if request.attempt_no is not None:
                earlier = await store.attempt(tx, request.attempt_no)
                assert earlier is not None, "attempts are never deleted"
                meters.REPLAYS.labels("payment").inc()
                return earlier
            attempt = await self._attempt_to_pay(tx, order_no, channel_name, payer)
            await store.attempt_of_request(tx, key, attempt.attempt_no)
        return attempt

    async def _attempt_to_pay(
        self, tx: Tx, order_no: OrderNo, channel_name: str, payer: Payer
    ) -> Attempt:
        """Return the live attempt of this channel, or make one on the order's frozen charge."""
        now = self._clock.now()
        await store.one_payer_at_a_time(tx, order_no)
        live = rules.joined(await store.live_attempts(tx, order_no, now), now)
        charge = await self.payable.freeze(tx, order_no, keep=bool(live))
        for attempt in live:
            if rules.serves(attempt, charge.charge_no, channel_name, payer):
                return attempt
        beside = [one for one in live if one.charge_no == charge.charge_no]
        made = attempts.new_attempt(
            charge, channel_name, now, expires_at=rules.expires_at(beside, now)
        )
        made = replace(made, kind=payer.kind)
        terms = self._channel(channel_name).terms
        await store.new_attempt(tx, made, next_query_at=rules.next_query_at(made, now, terms))
        return made

    def _pay_request(self, attempt: Attempt, payer: Payer) -> PayRequest:
        return PayRequest(
            out_trade_no=attempt.attempt_no,
            amount_fen=attempt.amount_fen,
            description=DESCRIPTION,
            expires_at=attempt.expires_at,
            notify_url=f"{self._public_url}/v1/payments/notices/{attempt.channel}",
            kind=attempt.kind,
            payer_id=payer.id,
            payer_address=payer.address,
        )

    # -- notices -------------------------------------------------------------------------------

    async def receive(self, channel_name: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Verify and keep a notice, and say in the provider's words whether it is kept."""
        channel = self._channel(channel_name)
        try:
            notice = channel.verify_notice(headers, body, self._clock.now())
        except NoticeStale as stale:
            meters.CALLBACKS.labels(channel_name, "stale").inc()
            await self._ask_soon(stale.out_trade_no, channel_name)
            return Received(channel.answer(NoticeVerdict.REFUSED), None)
        except NoticeUnverified as unverified:
            meters.unverified(channel_name, unverified)
            return Received(channel.answer(NoticeVerdict.REFUSED), None)
        return await self._keep_notice(channel, channel_name, notice, body)

    async def _keep_notice(
        self, channel: Channel, channel_name: str, notice: Notice, body: bytes
    ) -> Received:
        try:
            async with self._db.transaction() as tx:
                notice_id = await store.keep_notice(tx, channel_name, notice, body=body)
        except Exception as error:
            if trouble_of(error) == Trouble.GUILTY:
                raise
            meters.CALLBACKS.labels(channel_name, "unavailable").inc()
            log.exception("payments.notice_not_kept", channel=channel_name)
            return Received(channel.answer(NoticeVerdict.UNAVAILABLE), None)
        meters.CALLBACKS.labels(channel_name, "stored").inc()
        faults.point("payments.notice_kept")
        return Received(channel.answer(NoticeVerdict.STORED), notice_id)

    async def handle(self, notice_id: int) -> Verdict | None:
        """Let a kept notice do what it may; None when it waits or somebody else has it."""
        answer = await self._answer_to_hint(notice_id)
        async with self._db.transaction() as tx:
            notice = await store.take_notice(tx, notice_id)
            if notice is None:
                return None
            verdict = await self._apply_notice(tx, notice, answer)
            if verdict is None:
                await store.notice_tried(tx, notice_id)
            else:
                await store.notice_handled(tx, notice_id, verdict)
                faults.point("payments.notice_handled")
        faults.point("payments.notice_committed")
        if verdict in {Verdict.QUARANTINED, Verdict.UNMATCHED}:
            log.error("payments.notice_odd", channel=notice.channel, verdict=verdict.value)
        return verdict

    async def _answer_to_hint(self, notice_id: int) -> TradeFact | None:
        """Ask the provider, before any lock, of the trade that a hint names, if it is ours."""
        async with self._db.connection() as tx:
            hint = await store.hint(tx, notice_id)
            if hint is None or hint.fact is None:
                return None
            attempt = await store.attempt(tx, hint.fact.out_trade_no)
        if attempt is None or attempt.channel != hint.channel:
            return None
        return await self._channel(hint.channel).query(attempt.attempt_no)

    async def _apply_notice(
        self, tx: Tx, notice: KeptNotice, answer: TradeFact | None
    ) -> Verdict | None:
        """Believe what it says of a trade first: a refund may be told before its payment."""
        verdicts: list[Verdict | None] = []
        if notice.fact is not None:
            verdicts.append(await self._apply_told(tx, notice, answer))
        if notice.refund is not None and Verdict.QUARANTINED not in verdicts:
            verdicts.append(await self._refunds.apply(tx, notice.channel, notice.refund))
        said = [verdict for verdict in verdicts if verdict is not None]
        if len(said) == len(verdicts):
            return rules.gravest(said)
        age = self._clock.now() - notice.received_at
        return Verdict.UNMATCHED if age > rules.UNMATCHED_AFTER else None

    async def _apply_told(
        self, tx: Tx, notice: KeptNotice, answer: TradeFact | None
    ) -> Verdict | None:
        """Apply what a notice says of a trade, or, of a hint, what the provider answered."""
        fact = answer if notice.is_hint else notice.fact
        if fact is None or rules.lags(notice, fact):
            return None
        return await self._apply(tx, notice.channel, fact)

    async def handle_soon(self, notice_id: int) -> None:
        """Handle a notice that was just answered; if that fails, the job does it later."""
        faults.point("payments.notice_answered")
        try:
            await self.handle(notice_id)
        except Exception:
            log.exception("payments.notice_not_handled")

    async def handle_waiting(self) -> int:
        """Handle kept notices that nobody has handled; return how many were settled."""
        before = self._clock.now() - LEAVE_TO_THE_RECEIVER
        async with self._db.connection() as tx:
            waiting = await store.unhandled_notices(tx, before, limit=AT_ONCE_MAX)
        return sum([await self._handle_or_count(notice_id) for notice_id in waiting])

    async def _handle_or_count(self, notice_id: int) -> bool:
        """Handle one notice; one that fails waits its turn again behind the others."""
        try:
            return await self.handle(notice_id) is not None
        except Exception:
            log.exception("payments.notice_not_handled")
        async with self._db.transaction() as tx:
            await store.notice_tried(tx, notice_id)
        return False

    # -- one way to believe a provider ---------------------------------------------------------

    async def _apply(self, tx: Tx, channel_name: str, fact: TradeFact) -> Verdict | None:
        """Apply a fact, wherever it came from, under the attempt's lock; None: no such attempt."""
        channel = self._channel(channel_name)
        attempt = await store.lock_attempt(tx, fact.out_trade_no, channel_name)
        if attempt is None:
            return None
        verdict = rules.judge(attempt, fact, merchant=channel.merchant, app=channel.app)
        meters.FACTS.labels(channel_name, verdict.value).inc()
        if verdict != Verdict.APPLIED:
            return verdict
        if fact.state in rules.STATE_OF and rules.STATE_OF[fact.state] == AttemptState.SUCCESS:
            return await self.succeed(tx, attempt, fact)
        await store.attempt_ended(tx, attempt.attempt_no, rules.STATE_OF[fact.state])
        return verdict

    async def succeed(self, tx: Tx, attempt: Attempt, fact: TradeFact) -> Verdict:
        """Count a locked attempt as paid and settle its charge: the one way to do so."""
        assert fact.provider_txn is not None, "a paying fact names its transaction"
        paid_at = fact.paid_at or self._clock.now()
        txn = {"provider_txn": fact.provider_txn, "attempt_no": attempt.attempt_no}
        if await store.txn_of_another(tx, attempt.channel, **txn):
            return Verdict.QUARANTINED
        key = (attempt.lot_id, attempt.order_no, attempt.charge_no)
        settled = await self.payable.settle(tx, key, settled_by=attempt.attempt_no, paid_at=paid_at)
        await store.attempt_succeeded(
            tx,
            attempt.attempt_no,
            provider_txn=fact.provider_txn,
            paid_at=paid_at,
            surplus=not settled,
        )
        await self._ledger.post(tx, [rules.receipt(attempt, paid_at=paid_at, owed=settled)])
        await store.post(tx, attempt_succeeded_of(attempt, paid_at=paid_at, surplus=not settled))
        return Verdict.APPLIED

    async def believe_bill(self, tx: Tx, channel_name: str, fact: TradeFact) -> Verdict | None:
        """Apply what a daily bill says of a trade, like any other word of its provider."""
        return await self._apply(tx, channel_name, fact)

    # -- asking --------------------------------------------------------------------------------

    async def ask_providers(self) -> int:
        """Ask the providers of attempts that nothing was heard of; return how many were asked."""
        async with self._db.transaction() as tx:
            due = await store.due_for_query(tx, self._clock.now(), limit=AT_ONCE_MAX)
        at_once = asyncio.Semaphore(ASK_AT_ONCE)
        await asyncio.gather(*(self._ask_or_log(attempt, at_once) for attempt in due))
        return len(due)

    async def _ask_or_log(self, attempt: Attempt, at_once: asyncio.Semaphore) -> None:
        """Ask for one attempt; a provider that fails holds up no other."""
        async with at_once:
            try:
                await self._ask(attempt)
            except (ChannelUnavailable, ChannelDeclined) as refusal:
                log.warning("payments.query_failed", channel=attempt.channel, why=refusal.detail)
            except Exception:
                log.exception("payments.query_failed", channel=attempt.channel)

    async def _ask(self, attempt: Attempt) -> None:
        channel = self._channel(attempt.channel)
        fact = await channel.query(attempt.attempt_no)
        faults.point("payments.asked")
        now = self._clock.now()
        over = rules.is_over(attempt, fact, now, channel.terms)
        if over:
            await channel.close(attempt.attempt_no)
            fact = await channel.query(attempt.attempt_no)
        async with self._db.transaction() as tx:
            verdict = await self._apply(tx, attempt.channel, fact)
            if verdict == Verdict.QUARANTINED:
                log.error("payments.query_odd", channel=attempt.channel, verdict=verdict.value)
            if over:
                await store.attempt_ended(tx, attempt.attempt_no, AttemptState.CLOSED)
            else:
                again_at = rules.next_query_at(attempt, now, channel.terms)
                await store.query_again_at(tx, attempt.attempt_no, again_at)

    async def ask_about(self, channel_name: str, attempt_no: str) -> TradeFact:
        """Ask a provider of one attempt now, apply what it says and return it."""
        fact = await self._channel(channel_name).query(attempt_no)
        async with self._db.transaction() as tx:
            await self._apply(tx, channel_name, fact)
        return fact

    async def _ask_soon(self, attempt_no: str | None, channel_name: str) -> None:
        """Let a rightly signed but stale notice be a hint to ask, and nothing else."""
        log.warning("payments.notice_stale", channel=channel_name)
        if attempt_no is not None:
            async with self._db.transaction() as tx:
                await store.query_again_at(tx, attempt_no, self._clock.now())
                await self._refunds.ask_soon(tx, attempt_no)

    def _channel(self, name: str) -> Channel:
        channel = self._channels.get(name)
        if channel is None:
            raise ChannelUnknown("No such channel is open here.", channels=sorted(self._channels))
        return channel
