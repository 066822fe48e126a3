"""Nouns of what operators' own servers are told.

Owns: endpoints, deliveries, and the body of a message.
Never: holds a car.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta, Struct

from onepark.kernel.types import Fen, OperatorId, OrderNo

EndpointId = NewType("EndpointId", int)

URL_EXAMPLE = "https://parking.example.com/onepark"
SECRET_EXAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105  nobody's


class Kind(StrEnum):
    """What an operator may be told of."""

    PAID = "payments.attempt_succeeded.v1"
    REFUNDED = "payments.refund_succeeded.v1"


class Paid(Struct, frozen=True):
    """Money came in for an order; surplus money goes back by itself."""

    payment_no: str
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    paid_at: datetime
    surplus: bool


class Refunded(Struct, frozen=True):
    """Money of a payment went back."""

    refund_no: str
    payment_no: str
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    refunded_at: datetime


class Message(Struct, frozen=True):
    """The body that is posted, of the shape that Standard Webhooks proposes."""

    type: Kind
    timestamp: datetime
    data: Paid | Refunded


class News(Struct, frozen=True):
    """A message on its way to every endpoint of an operator."""

    operator_id: OperatorId
    payment_no: str  # the messages of one payment keep their order
    message_id: str
    kind: Kind
    body: str


class NewEndpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an operator wants to be told, and of what."""

    url: Annotated[str, Meta(max_length=500, examples=[URL_EXAMPLE])]
    facts: Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=len(Kind))] = tuple(Kind)


class Endpoint(Struct, frozen=True):
    """Where an operator is told; what waits there, and what came to nothing."""

    endpoint_id: EndpointId
    operator_id: OperatorId
    url: str
    facts: tuple[Kind, ...]
    created_at: datetime
    created_by: str
    waiting: int
    dead: int


class Endpoints(Struct, frozen=True):
    """Every endpoint of an operator; all of them, for the city."""

    endpoints: list[Endpoint]


class IssuedEndpoint(Struct, frozen=True):
    """A new endpoint or a new key of one; the key is shown this once."""

    endpoint_id: EndpointId
    url: str
    secret: Annotated[str, Meta(examples=[SECRET_EXAMPLE])]
    former_until: datetime | None  # the end of the key before

    def __repr__(self) -> str:
        return f"IssuedEndpoint(endpoint_id={self.endpoint_id!r})"


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  # tried for more than three days; a person may have it tried again


class Delivery(Struct, frozen=True):
    """One message to one endpoint."""

    delivery_id: int
    endpoint_id: EndpointId
    message_id: str
    kind: Kind
    recorded_at: datetime
    tries: int
    next_try_at: datetime | None
    trouble: str | None
    delivered_at: datetime | None
    state: DeliveryState


class DeliveryPage(Struct, frozen=True):
    """Deliveries, newest first."""

    deliveries: list[Delivery]
    next_before: int | None


class Target(Struct, frozen=True):
    """Where a delivery goes, with the sealed keys that sign it."""

    endpoint_id: EndpointId
    url: str
    message_id: str
    sealed: list[bytes]
