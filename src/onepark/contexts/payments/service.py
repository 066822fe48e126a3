"""The use cases of taking money.

Owns: beginning a payment, asking providers.
Never: writes SQL, speaks HTTP, or waits for a provider inside a transaction.
"""

import asyncio
from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from onepark.contexts.payments import attempts, meters, rules, store
from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    KeyMissing,
    KeyReused,
)
from onepark.contexts.payments.facts import Facts
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    Payer,
    PaymentAnswer,
    PaymentAsked,
    PayRequest,
    Told,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.payments.ports import Channel, Payable
from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.types import OrderNo

DESCRIPTION = "停车费"
AT_ONCE_MAX = 100
KEY_CHARACTERS_MAX = 128
ASK_AT_ONCE = 16

BY_CODE = Payer()

log = structlog.get_logger(__name__)


class Payments:
    """Taking money through channels."""

    def __init__(
        self,
        service_db: Database,
        *,
        payable: Payable,
        channels: Mapping[str, Channel],
        facts: Facts,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._db, self.payable, self._clock = service_db, payable, clock
        self.facts, self._public_url = facts, public_url.rstrip("/")
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
        channel = self.facts.channel(channel_name)
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
                await store.attempts_ended(tx, {attempt.attempt_no: AttemptState.FAILED})
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
        terms = self.facts.channel(channel_name).terms
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

    async def _apply(self, tx: Tx, channel_name: str, fact: TradeFact) -> Verdict | None:
        """Apply what a provider answered; None: there is no such attempt."""
        [verdict] = await self.facts.apply(tx, [Told(channel_name, fact)])
        return verdict

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
        channel = self.facts.channel(attempt.channel)
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
                await store.attempts_ended(tx, {attempt.attempt_no: AttemptState.CLOSED})
            else:
                again_at = rules.next_query_at(attempt, now, channel.terms)
                await store.query_again_at(tx, attempt.attempt_no, again_at)

    async def ask_about(self, channel_name: str, attempt_no: str) -> TradeFact:
        """Ask a provider of one attempt now, apply what it says and return it."""
        fact = await self.facts.channel(channel_name).query(attempt_no)
        async with self._db.transaction() as tx:
            await self._apply(tx, channel_name, fact)
        return fact
