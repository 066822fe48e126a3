"""What people do about passes, white lists and fleets has roles, reasons and an audit trail.

Owns: what each use case of staff begins with: whose lots, which plate, which term.
Never: writes SQL, or opens a transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from onepark import _native
from onepark.contexts.membership.errors import (
    LotUnknown,
    OperatorNotNamed,
    PlateInvalid,
    TermInvalid,
)
from onepark.contexts.membership.model import EVERY_LOT, BenefitKind, NewBenefit, Source
from onepark.contexts.membership.ports import Archive
from onepark.kernel.staff import Principal
from onepark.kernel.types import CHINA, LotCode, LotId, OperatorId, PlateColor

TERM_MAX = timedelta(days=3 * 366)
LAST_AT = datetime(2100, 1, 1, tzinfo=CHINA)  # no term begins later
PLATE_CHARACTERS = range(5, 17)

LotCodes = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)")], ...],
    Meta(max_length=200, description="停车场编码 Codes of lots", examples=[["320281001101"]]),
]
PlateText = Annotated[
    str, Meta(min_length=5, max_length=32, description="车牌号 Plate", examples=["苏B12345"])
]
Name = Annotated[str, Meta(min_length=1, max_length=40, examples=["人民路月卡"])]
Reason = Annotated[str, Meta(min_length=3, max_length=500, examples=["残疾人专用车，凭证核验"])]
Instant = Annotated[datetime, Meta(tz=True)]
Operator = Annotated[int, Meta(ge=1, le=2**63 - 1, description="市级须指明 Named by the city")]


def owner_of(asked: int | None, by: Principal) -> OperatorId:
    """Return for which operator somebody acts; OperatorNotNamed if he does not say, or may not."""
    if by.operator_id is None:
        if asked is None:
            raise OperatorNotNamed("The city names the operator.", field="operator_id")
        return OperatorId(asked)
    if asked not in {None, by.operator_id}:
        raise OperatorNotNamed("You act for your own operator.", field="operator_id")
    return by.operator_id


def lots_of(codes: Sequence[str], operator_id: OperatorId, archive: Archive) -> tuple[LotId, ...]:
    """Return the lots that codes name, each of them the operator's own."""
    lots: list[LotId] = []
    for code in codes:
        lot = archive.lot(LotCode(code))
        if lot is None or lot.operator_id != operator_id:
            raise LotUnknown(f"None of this operator's lots is {code}.", field="lots", lot=code)
        lots.append(lot.lot_id)
    return tuple(dict.fromkeys(lots))


def codes_of(lots: Sequence[LotId], archive: Archive) -> tuple[str, ...]:
    """Return the codes of lots that are known still."""
    known = (archive.lot_by_id(lot_id) for lot_id in lots)
    return tuple(lot.code for lot in known if lot is not None)


def plate_of(text: str) -> str:
    """Return a plate as passages have it."""
    plate = _native.normalise_plate(text) if text.isprintable() else ""
    if len(plate) not in PLATE_CHARACTERS:
        raise PlateInvalid("plate: 5 to 16 printable characters", field="plate")
    return plate


def check_texts(**texts: str | None) -> None:
    """Refuse a text that holds a control character, by the name of its field."""
    for field, text in texts.items():
        if text is not None and not text.isprintable():
            raise TermInvalid(f"{field}: holds a control character", field=field)


def term_of(
    from_at: datetime | None, until_at: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """Return a term that begins no earlier than now, so that no time that has passed is covered."""
    begins_at = max(from_at or now, now)
    if begins_at > LAST_AT:
        raise TermInvalid("It begins too far ahead.", field="from_at")
    if not begins_at < until_at <= begins_at + TERM_MAX:
        raise TermInvalid("It ends before it begins, or lasts too long.", field="until_at")
    return begins_at, until_at


def car_key_of(plate: str, color: PlateColor) -> str:
    """Return a car as passages name it."""
    return f"{plate}/{color.value}"


def benefits_in(
    lots: Sequence[LotId],
    car: tuple[str, PlateColor],
    term: tuple[datetime, datetime],
    *,
    operator_id: OperatorId,
    source: tuple[Source, int],
    name: str,
    now: datetime,
) -> list[NewBenefit]:
    """Return what covers a car in lots, one row for each; without lots, in the whole city."""
    return [
        NewBenefit(
            *(lot_id, car_key_of(*car), operator_id, BenefitKind.PASS, *source, name, *term, now)
        )
        for lot_id in lots or (EVERY_LOT,)
    ]
