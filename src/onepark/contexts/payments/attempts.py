"""How an attempt begins, and how it is shown to who pays.

Owns: a fresh attempt, the ways of paying that a channel offers, the answer to a payer.
Never: awaits, or asks a provider.
"""

from datetime import datetime

from onepark.contexts.payments import numbers, rules
from onepark.contexts.payments.errors import KindNotOffered, PayerMissing
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    Payer,
    PayInstruction,
    PayKind,
    PaymentAnswer,
)
from onepark.contexts.payments.ports import Channel, FrozenCharge


def new_attempt(
    charge: FrozenCharge, channel_name: str, now: datetime, *, expires_at: datetime
) -> Attempt:
    """Return an attempt on a charge that nobody has heard of yet."""
    return Attempt(
        attempt_no=numbers.fresh_number(now),
        lot_id=charge.lot_id,
        operator_id=charge.operator_id,
        order_no=charge.order_no,
        charge_no=charge.charge_no,
        channel=channel_name,
        amount_fen=charge.amount_fen,
        state=AttemptState.CREATED,
        created_at=now,
        expires_at=expires_at,
        revenue_kind=charge.revenue_kind,
    )


def check_kind(channel: Channel, payer: Payer) -> None:
    """Refuse a way of paying that the channel has not, or whose payer is not named."""
    offered = [kind.value for kind in channel.terms.kinds]
    if payer.kind not in offered:
        raise KindNotOffered("The channel does not offer this.", field="kind", kinds=offered)
    if (payer.kind == PayKind.JSAPI) != (payer.id is not None):
        raise PayerMissing("A payer is named for jsapi, and only for it.", field="payer_id")


def answer_of(attempt: Attempt) -> PaymentAnswer:
    """Show an attempt to who pays."""
    handed = attempt.code_url is not None or attempt.jsapi is not None
    pay = PayInstruction(attempt.kind, attempt.code_url, attempt.jsapi) if handed else None
    return PaymentAnswer(
        payment_no=attempt.attempt_no,
        order_no=attempt.order_no,
        channel=attempt.channel,
        amount_fen=attempt.amount_fen,
        currency=rules.CURRENCY,
        state=attempt.state,
        expires_at=attempt.expires_at,
        pay=pay,
    )
