"""The peer's words and tables: Pydantic and SQLAlchemy 2.

Owns: what its gates send and are told, and a table for each noun that the platform has one for.
Never: shares a type with the platform.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# -- what is said ----------------------------------------------------------------------------------


class Passage(BaseModel):
    """One car at one lane."""

    passage_id: str = Field(min_length=1, max_length=64)
    lot: str = Field(max_length=64)
    lane: str = Field(max_length=64)
    kind: Literal["entry", "exit"]
    plate: str = Field(max_length=16)
    plate_color: Literal["blue", "yellow", "green", "white", "black", "unknown"]
    vehicle: Literal["small", "large"]
    seen_at: AwareDatetime

    @property
    def car_key(self) -> str:
        return f"{self.plate}/{self.plate_color}"


class Passages(BaseModel):
    passages: list[Passage] = Field(min_length=1, max_length=1_000)


class Signed(BaseModel):
    """The headers of a signed request."""

    onepark_device: str
    webhook_id: str
    webhook_timestamp: str
    webhook_signature: str


class Result(BaseModel):
    passage_id: str
    outcome: Literal["accepted", "duplicate", "conflict", "rejected"]
    decision: Literal["open", "none", "hold"] = "none"
    stay_id: int | None = None
    order_no: str | None = None
    reason: str | None = None


class Results(BaseModel):
    results: list[Result]


# -- what is kept ----------------------------------------------------------------------------------


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {int: BigInteger, datetime: DateTime(timezone=True)}


class ClaimRow(Base):
    """An id that was answered, with its answer."""

    __tablename__ = "claim"
    lot: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(primary_key=True)
    passage_id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[str]


class CarRow(Base):
    __tablename__ = "car"
    lot: Mapped[str] = mapped_column(primary_key=True)
    car_key: Mapped[str] = mapped_column(primary_key=True)
    open_stay_id: Mapped[int | None]
    last_stay_id: Mapped[int | None]


class StayRow(Base):
    __tablename__ = "stay"
    __table_args__ = (Index("stay_of_car", "lot", "car_key"),)
    lot: Mapped[str] = mapped_column(primary_key=True)
    stay_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    car_key: Mapped[str]
    plate: Mapped[str]
    vehicle: Mapped[str]
    state: Mapped[str]
    entered_at: Mapped[datetime]
    entry_lane: Mapped[str]
    exited_at: Mapped[datetime | None]
    exit_lane: Mapped[str | None]


class OrderRow(Base):
    __tablename__ = "stay_order"
    __table_args__ = (
        Index("order_of_stay", "lot", "stay_id", unique=True),
        Index("order_of_plate", "plate"),
    )
    lot: Mapped[str] = mapped_column(primary_key=True)
    order_no: Mapped[str] = mapped_column(primary_key=True)
    stay_id: Mapped[int]
    plate: Mapped[str]
    opened_at: Mapped[datetime]
    fee_fen: Mapped[int | None]
    owed_fen: Mapped[int | None]


class PassageRow(Base):
    """What a device said, as it said it."""

    __tablename__ = "passage"
    __table_args__ = (Index("passage_of_car", "lot", "car_key", "seen_at"),)
    row_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    lot: Mapped[str]
    device: Mapped[str]
    passage_id: Mapped[str]
    kind: Mapped[str]
    lane: Mapped[str]
    car_key: Mapped[str]
    vehicle: Mapped[str]
    seen_at: Mapped[datetime]
    received_at: Mapped[datetime]
    stay_id: Mapped[int | None]


class CountRow(Base):
    __tablename__ = "count"
    lot: Mapped[str] = mapped_column(primary_key=True)
    occupied: Mapped[int]


class OutboxRow(Base):
    __tablename__ = "outbox"
    row_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    fact: Mapped[str]
    payload: Mapped[str]
