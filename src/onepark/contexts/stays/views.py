"""What citizens see of orders.

Owns: what is masked, and how often a plate or an address may be looked up.
Never: shows a whole plate, or the minute in which a car came.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from onepark import _native
from onepark.contexts.stays.errors import PlateInvalid, TooManyLookups
from onepark.contexts.stays.model import Due, OrderState
from onepark.contexts.stays.ports import Archive, OrderRefund, OrderRefunds
from onepark.contexts.stays.service import Stays
from onepark.infra.limits import Limit, Limiter
from onepark.kernel.masks import mask_minute, mask_plate
from onepark.kernel.types import Fen, LotId, OrderNo

CURRENCY = "CNY"
PLATE_CHARACTERS = range(5, 17)


class DueView(Struct, frozen=True):
    """All that a plate alone reveals: what is owed and where, and roughly since when."""

    order_no: OrderNo
    due_fen: Fen
    lot: str
    lot_name: str
    entered_at_masked: str  # the hour, without its minutes


class DuesView(Struct, frozen=True):
    """What a plate owes, oldest first."""

    currency: str
    dues: list[DueView]


class LineView(Struct, frozen=True):
    """A line of a fee without its instants, which would tell when the car came."""

    rule: str
    window: str | None
    units: int
    unit_price_fen: Fen
    amount_fen: Fen


class OrderView(Struct, frozen=True):
    """An order as whoever knows its number sees it; fee_fen is final once the car has left.

    ``paid_fen`` is what was paid and has not gone back.
    """

    order_no: OrderNo
    state: OrderState
    lot: str
    lot_name: str
    plate_masked: str
    entered_at_masked: str
    currency: str
    fee_fen: Fen
    paid_fen: Fen
    due_fen: Fen
    written_off_fen: Fen
    refund_due_fen: Fen
    leave_before_at: datetime | None  # a paid car may leave until then
    lines: tuple[LineView, ...]
    refunds: tuple[OrderRefund, ...] = ()  # orders that were kept before there were any have none


class PublicOrders:
    """Orders for people without an account."""

    def __init__(
        self,
        stays: Stays,
        *,
        refunds: OrderRefunds,
        archive: Callable[[], Archive],
        limiter: Limiter,
        per_minute: int,
    ) -> None:
        self._stays, self._refunds = stays, refunds
        self._archive, self._limiter = archive, limiter
        self._by_address = Limit("dues_address", per_minute, open_when_down=True)
        self._by_plate = Limit("dues_plate", per_minute, open_when_down=True)

    async def dues(self, plate: str, *, address: str) -> DuesView:
        """Say what a plate owes, and nothing that would tell where its driver was when."""
        text = _native.normalise_plate(plate) if plate.isprintable() else ""
        if len(text) not in PLATE_CHARACTERS:
            raise PlateInvalid("plate: 5 to 16 printable characters", field="plate")
        await self._limiter.take(self._by_address, address, refused=TooManyLookups)
        await self._limiter.take(self._by_plate, text, refused=TooManyLookups)
        dues = await self._stays.dues(text)
        return DuesView(CURRENCY, [self._due_view(due) for due in dues])

    async def order(self, order_no: str) -> OrderView:
        """Show one order to whoever knows its number."""
        due = await self._stays.due(OrderNo(order_no))
        refunds = await self._refunds.of_order(due.order.order_no)
        code, name = self._lot(due.order.lot_id)
        lines = tuple(
            LineView(line.rule.value, line.window, line.units, line.unit_price_fen, line.amount_fen)
            for line in due.lines
        )
        return OrderView(
            order_no=due.order.order_no,
            state=due.state,
            lot=code,
            lot_name=name,
            plate_masked=mask_plate(due.order.plate),
            entered_at_masked=mask_minute(due.order.opened_at),
            currency=CURRENCY,
            fee_fen=due.fee_fen,
            paid_fen=due.order.paid_fen,
            due_fen=due.due_fen,
            written_off_fen=due.order.written_off_fen,
            refund_due_fen=due.order.refund_due_fen,
            leave_before_at=due.order.covered_until_at,
            lines=lines,
            refunds=tuple(refunds),
        )

    def _due_view(self, due: Due) -> DueView:
        code, name = self._lot(due.order.lot_id)
        entered_at = mask_minute(due.order.opened_at)
        return DueView(due.order.order_no, due.due_fen, code, name, entered_at)

    def _lot(self, lot_id: LotId) -> tuple[str, str]:
        lot = self._archive().lot_by_id(lot_id)
        return ("", "") if lot is None else (lot.code, lot.name)
