"""What staff do to refunds.

Owns: asking for a refund, the lists of refunds, and what is made of those that came to nothing.
Never: waits for a provider, or shows or moves money of another operator.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from onepark.contexts.payments import meters, refund_store, rules, store
from onepark.contexts.payments.errors import (
    KeyMissing,
    KeyReused,
    PaymentUnknown,
    RefundAbovePaid,
    RefundImpossible,
    RefundNotWaiting,
    RefundOpen,
    RefundUnknown,
)
from onepark.contexts.payments.model import (
    Attempt,
    Cause,
    Refund,
    RefundState,
    Ruling,
)
from onepark.contexts.payments.ports import AuditTrail
from onepark.contexts.payments.refunds import Ask, Refunds
from onepark.contexts.payments.service import KEY_CHARACTERS_MAX
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import ORDER_NO_EXAMPLE, ORDER_NO_PATTERN, Fen, OperatorId, OrderNo

AMOUNT_FEN_MAX = 10**9
PAYMENT_NO_EXAMPLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
REASON_CHARACTERS_MAX = 80  # what WeChat Pay shows to a payer

Reason = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=REASON_CHARACTERS_MAX,
        description="理由，付款人可见 the payer sees it",
    ),
]


class RefundAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Give back part of one payment, or of an order from its newest payment on."""

    amount_fen: Annotated[Fen, Meta(ge=1, le=AMOUNT_FEN_MAX, examples=[500])]
    reason: Reason
    order_no: Annotated[str, Meta(pattern=ORDER_NO_PATTERN, examples=[ORDER_NO_EXAMPLE])] | None = (
        None
    )
    payment_no: (
        Annotated[str, Meta(pattern=r"^[A-Z2-7]{32}$(?!\n)", examples=[PAYMENT_NO_EXAMPLE])] | None
    ) = None


class RulingAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """What is made of a refund that came to nothing.

    ``retried`` asks the provider again, ``paid_elsewhere`` says that the payer has the money by
    another way, ``withdrawn`` that nothing is given back.
    """

    ruling: Ruling
    reason: Annotated[str, Meta(min_length=3, max_length=500)]


class RefundOwner(StrEnum):
    """Whose task a refund is that waits for a person."""

    OPERATOR = "operator"


class RefundDetail(Struct, frozen=True):
    """A refund as staff see it; ``due_at`` is until when somebody should look, if it waits."""

    refund_no: str
    payment_no: str
    order_no: OrderNo
    operator_id: int
    channel: str
    amount_fen: Fen
    cause: Cause
    reason: str
    asked_by: str
    asked_at: datetime
    state: RefundState
    tries: int
    surplus: bool  # of a payment that its order never counted
    trouble: str | None  # the provider's last word, "counter", "unanswered" or "slow"
    refunded_at: datetime | None
    owner: RefundOwner | None
    waits_since_at: datetime | None
    due_at: datetime | None
    ruling: Ruling | None
    ruling_reason: str | None
    ruled_by: str | None
    again_of: str | None


class RefundsMade(Struct, frozen=True):
    """The refunds that one request came to, one a payment."""

    refunds: tuple[RefundDetail, ...]


class RefundPage(Struct, frozen=True):
    """Some refunds by number; ``next_after`` asks for more, null is the end."""

    refunds: tuple[RefundDetail, ...]
    next_after: str | None


class RefundDesk:
    """Refunds as people see, ask for and judge them."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        refunds: Refunds,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db = service_db, staff_db
        self._refunds, self._audit, self._clock = refunds, audit, clock

    async def page(
        self, wanted: refund_store.Wanted, *, after: str, limit: int, by: Principal
    ) -> RefundPage:
        """Return the next refunds that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await refund_store.page(tx, wanted, after=after, limit=limit)
        more = found[-1].refund_no if len(found) == limit else None
        return RefundPage(tuple(map(_detail, found)), more)

    async def one(self, refund_no: str, *, by: Principal) -> RefundDetail:
        """Return one refund that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await refund_store.refund(tx, refund_no)
        if found is None:
            raise RefundUnknown("No refund has this number.")
        return _detail(found)

    async def ask(self, asked: RefundAsked, *, key: str | None, by: Principal) -> RefundsMade:
        """Reserve a refund under the client's key, or return what this key reserved before."""
        if key is None or not 0 < len(key) <= KEY_CHARACTERS_MAX or not key.isprintable():
            raise KeyMissing("Send an Idempotency-Key of your own with every new refund.")
        _check(asked)
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            if not await refund_store.sees_payment(tx, asked.payment_no, asked.order_no):
                raise PaymentUnknown("Nothing was paid under this number.")
        request_key = f"{by.account_id}:{key}"
        fingerprint = rules.refund_fingerprint(
            asked.order_no, asked.payment_no, asked.amount_fen, asked.reason
        )
        async with self._db.transaction() as tx:
            earlier = await refund_store.keep_request(tx, request_key, fingerprint)
            if earlier is not None and earlier != fingerprint:
                raise KeyReused("The key came with another refund.")
            if earlier is None:
                await self._reserve(tx, asked, request_key=request_key, by=by)
            else:
                meters.REPLAYS.labels("refund").inc()
            made = await refund_store.of_request(tx, request_key)
        return RefundsMade(tuple(map(_detail, made)))

    async def _reserve(
        self, tx: Tx, asked: RefundAsked, *, request_key: str, by: Principal
    ) -> None:
        if asked.payment_no is not None:
            attempts = await store.lock_attempts(tx, [asked.payment_no])
        else:
            attempts = await refund_store.lock_paid_attempts(tx, [OrderNo(asked.order_no or "")])
        parts = await self._parts(tx, attempts, asked.amount_fen)
        ask = Ask(Cause.ASKED, asked.reason, by.login, request_key)
        made = await self._refunds.reserve(tx, parts, ask)
        await self._audit.append(
            tx,
            [_change(one, "refund_asked", asked.reason, by) for one in made],
            at=self._clock.now(),
        )

    async def _parts(
        self, tx: Tx, attempts: list[Attempt], amount_fen: Fen
    ) -> list[tuple[Attempt, Fen]]:
        back = await refund_store.back_by_attempt(tx, attempts)
        parts = rules.taken_from(attempts, back, amount_fen)
        left_fen = sum(part for _, part in parts)
        if left_fen < amount_fen:
            raise RefundAbovePaid("Less is left of what was paid.", left_fen=left_fen)
        return parts

    async def rule(self, refund_no: str, said: RulingAsked, *, by: Principal) -> RefundDetail:
        """Settle a refund that came to nothing; the same ruling again changes nothing."""
        if not said.reason.isprintable():
            raise RefundImpossible("reason: holds a control character", field="reason")
        seen = await self.one(refund_no, by=by)
        async with self._db.transaction() as tx:
            await store.lock_attempt(tx, seen.payment_no, seen.channel)
            refund = await refund_store.refund(tx, refund_no)
            assert refund is not None, "refunds are never deleted"
            if refund.ruling == said.ruling and refund.waits_since_at is None:
                return _detail(refund)
            if refund.waits_since_at is None:
                raise RefundNotWaiting("It does not wait for a person.", state=refund.state.value)
            if said.ruling != Ruling.RETRIED and rules.may_be_paid_yet(refund):
                raise RefundOpen("The provider has not said what became of it.")
            ruled = await self._settle(tx, refund, said, by=by)
            change = _change(refund, f"refund_{said.ruling.value}", said.reason, by)
            await self._audit.append(tx, [change], at=self._clock.now())
        return _detail(ruled)

    async def _settle(self, tx: Tx, before: Refund, said: RulingAsked, *, by: Principal) -> Refund:
        """Do what a person said to a refund whose attempt is locked."""
        now = self._clock.now()
        ruled = replace(
            before,
            waits_since_at=None,
            due_at=None,
            ruled_at=now,
            ruled_by=by.login,
            ruling=said.ruling,
            ruling_reason=said.reason,
        )
        closed = before.state == RefundState.CLOSED
        if closed and said.ruling != Ruling.WITHDRAWN:
            [attempt] = await store.lock_attempts(tx, [before.attempt_no])
            parts = await self._parts(
                tx, [attempt], before.amount_fen
            )  # it is not reserved any more
        match said.ruling:
            case Ruling.WITHDRAWN:
                ruled = replace(ruled, state=RefundState.CLOSED)
                await refund_store.ruled(tx, ruled, next_query_at=None)
                if not closed:
                    await self._refunds.released(tx, ruled)
            case Ruling.PAID_ELSEWHERE:
                ruled = replace(ruled, state=RefundState.SUCCESS, refunded_at=now)
                await refund_store.ruled(tx, ruled, next_query_at=None)
                await self._refunds.paid_back(tx, ruled, before=before)
            case Ruling.RETRIED if closed:
                await refund_store.ruled(tx, ruled, next_query_at=None)
                ask = Ask(before.cause, before.reason, by.login, again_of=before.refund_no)
                await self._refunds.reserve(tx, parts, ask)
            case Ruling.RETRIED:
                ruled = replace(ruled, state=RefundState.UNKNOWN, rounds=before.rounds + 1, tries=0)
                await refund_store.ruled(tx, ruled, next_query_at=now)
        return ruled


def _check(asked: RefundAsked) -> None:
    if (asked.order_no is None) == (asked.payment_no is None):
        raise RefundImpossible("Name an order or a payment, and not both.", field="order_no")
    if not asked.reason.isprintable():
        raise RefundImpossible("reason: holds a control character", field="reason")


def _change(refund: Refund, action: str, reason: str, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action=f"payments.{action}",
        subject=f"refund {refund.refund_no}",
        operator_id=OperatorId(refund.operator_id),
        before={"state": refund.state.value, "trouble": refund.trouble},
        after={"amount_fen": refund.amount_fen, "reason": reason},
    )


def _detail(refund: Refund) -> RefundDetail:
    waits = refund.waits_since_at is not None
    return RefundDetail(
        refund_no=refund.refund_no,
        payment_no=refund.attempt_no,
        order_no=refund.order_no,
        operator_id=refund.operator_id,
        channel=refund.channel,
        amount_fen=refund.amount_fen,
        cause=refund.cause,
        reason=refund.reason,
        asked_by=refund.asked_by,
        asked_at=refund.asked_at,
        state=refund.state,
        tries=refund.tries,
        surplus=refund.surplus,
        trouble=refund.trouble,
        refunded_at=refund.refunded_at,
        owner=RefundOwner.OPERATOR if waits else None,
        waits_since_at=refund.waits_since_at,
        due_at=refund.due_at,
        ruling=refund.ruling,
        ruling_reason=refund.ruling_reason,
        ruled_by=refund.ruled_by,
        again_of=refund.again_of,
    )
