"""What stays needs of its peers.

Owns: one Protocol a peer.
Never: holds code.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from onepark.contexts.registry.model import Device, Lot
from onepark.contexts.stays.model import Candidate, LaneMoment, LaneThen, Passage, Suspicion
from onepark.contexts.tariffs.model import Plan
from onepark.infra.db import Tx
from onepark.kernel.staff import Change
from onepark.kernel.types import DeviceId, Fen, LotCode, LotId, OrderNo, PlanId, StayId


class Archive(Protocol):
    """The lots as they are known now."""

    def lot(self, code: LotCode) -> Lot | None: ...

    def lot_by_id(self, lot_id: LotId) -> Lot | None: ...


class Cameras(Protocol):
    """The devices as they are known now."""

    def device(self, device_id: DeviceId) -> Device | None: ...


class Plans(Protocol):
    """The tariffs in force."""

    def plan_at(self, lot_id: LotId, at: datetime) -> Plan | None: ...

    def plan(self, plan_id: PlanId) -> Plan | None: ...


class NewIds(Protocol):
    """Where fresh numbers come from."""

    def stay_id(self) -> StayId: ...

    def order_no(self, lot_id: LotId) -> OrderNo: ...


class Matches(Protocol):
    """Who ranks the plates inside by how well they explain what a camera read."""

    def match(self, passage: Passage, candidates: Sequence[Candidate]) -> Suspicion: ...


class AuditTrail(Protocol):
    """Where changes by people are written down."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...


class Lanes(Protocol):
    """What the gate knows of lanes: commands that were given there, and barriers."""

    async def lanes_then(self, tx: Tx, asked: Sequence[LaneMoment]) -> list[LaneThen]: ...


RefundView = Literal["processing", "success", "closed"]


class OrderRefund(Struct, frozen=True):
    """Money of an order that goes back, or came to nothing (``closed``)."""

    amount_fen: Fen
    state: RefundView


class OrderRefunds(Protocol):
    """What is given back of orders: payments, which know of providers."""

    async def of_order(self, order_no: OrderNo) -> Sequence[OrderRefund]: ...
