"""What operators are told, and how often it is tried.

Owns: the body and the number of a message, and the waits between its tries.
Never: awaits, or reads a clock.
"""

from datetime import timedelta

from msgspec.json import Encoder

from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.webhooks.model import Kind, Message, News, Paid, Refunded
from onepark.kernel.events import name_of

_ENCODER = Encoder()

ENDPOINTS_MAX = 10  # of an operator
GOOD_SECRETS_MAX = 2
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


def news_of(fact: AttemptSucceeded | RefundSucceeded) -> News:
    """Put a fact of payments into the words that operators read; its number is its own for ever."""
    if isinstance(fact, AttemptSucceeded):
        number, at = fact.attempt_no, fact.paid_at
        data: Paid | Refunded = Paid(
            payment_no=fact.attempt_no,
            order_no=fact.order_no,
            channel=fact.channel,
            amount_fen=fact.amount_fen,
            paid_at=fact.paid_at,
            surplus=fact.surplus,
        )
    else:
        number, at = fact.refund_no, fact.refunded_at
        data = Refunded(
            refund_no=fact.refund_no,
            payment_no=fact.attempt_no,
            order_no=fact.order_no,
            channel=fact.channel,
            amount_fen=fact.amount_fen,
            refunded_at=fact.refunded_at,
        )
    kind = Kind(name_of(fact))
    body = _ENCODER.encode(Message(kind, at, data)).decode()
    message_id = f"{kind.replace('.', '_')}_{number}"
    return News(fact.operator_id, fact.attempt_no, message_id, kind, body)


def is_heard(status: int) -> bool:
    """Tell whether an answer says that a message was taken."""
    return 200 <= status < 300  # noqa: PLR2004  as HTTP has it
