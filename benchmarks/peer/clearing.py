"""The peer of M2: an ORM that clears orders one after the other.

Owns: its view of the books and contracts, its lines, and the split of an amount.
Never: uses what the platform shares with, or reads what it wrote.
"""

import time
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise

import msgspec
from sqlalchemy import BigInteger, Date, ForeignKey, Integer, select
from sqlalchemy.dialects.postgresql import DATERANGE, Range
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
from sqlalchemy.schema import CreateSchema

AT_ONCE = 1_000
REVENUE = "parking_revenue"


class Base(DeclarativeBase):
    pass


class Journal(Base):
    """A fact of the books."""

    __tablename__ = "journal"
    __table_args__ = ({"schema": "ledger"},)

    journal_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    operator_id: Mapped[int] = mapped_column(BigInteger)
    clearing_day: Mapped[date] = mapped_column(Date)
    lot_id: Mapped[int] = mapped_column(BigInteger)
    postings: Mapped[list["Posting"]] = relationship()


class Posting(Base):
    __tablename__ = "posting"
    __table_args__ = ({"schema": "ledger"},)

    journal_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("ledger.journal.journal_id"), primary_key=True
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    account: Mapped[str]
    amount_fen: Mapped[int] = mapped_column(BigInteger)


class Version(Base):
    """A version of a contract, its terms as JSON."""

    __tablename__ = "version"
    __table_args__ = ({"schema": "settlement"},)

    version_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    terms: Mapped[str]
    parties: Mapped[list["Party"]] = relationship(order_by="Party.position")


class Party(Base):
    __tablename__ = "version_party"
    __table_args__ = ({"schema": "settlement"},)

    version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("settlement.version.version_id"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    party: Mapped[str]


class VersionLot(Base):
    """When a version holds for a lot."""

    __tablename__ = "version_lot"
    __table_args__ = ({"schema": "settlement"},)

    version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("settlement.version.version_id"), primary_key=True
    )
    lot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)


class Line(Base):
    """What a party gets of an order."""

    __tablename__ = "line"
    __table_args__ = ({"schema": "peer"},)

    journal_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    party: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[date]
    amount_fen: Mapped[int] = mapped_column(BigInteger)


async def cleared(url: str, blocks: Sequence[range]) -> tuple[float, int]:
    """Clear blocks of journals; return the seconds that it took and how many orders they were."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.execute(CreateSchema("peer"))
        await connection.run_sync(Line.metadata.tables["peer.line"].create)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    began, orders = time.perf_counter(), 0
    for block in blocks:
        edges = [*range(block.start, block.stop, AT_ONCE), block.stop]
        for first, after in pairwise(edges):
            async with sessions() as session:
                orders += await _clear(session, first, after)
                await session.commit()
    took_s = time.perf_counter() - began
    await engine.dispose()
    return took_s, orders


async def _clear(session: AsyncSession, first: int, after: int) -> int:
    found = await session.scalars(
        select(Journal)
        .where(Journal.journal_id >= first, Journal.journal_id < after)
        .order_by(Journal.journal_id)
        .options(selectinload(Journal.postings))
    )
    journals = found.all()
    for journal in journals:
        version = await _version(session, journal)
        gross_fen = -sum(one.amount_fen for one in journal.postings if one.account == REVENUE)
        shares = [one["share_ppm"] for one in msgspec.json.decode(version.terms)["parties"]]
        for party, amount_fen in zip(version.parties, _split(gross_fen, shares), strict=True):
            line = Line(
                journal_id=journal.journal_id,
                party=party.party,
                operator_id=journal.operator_id,
                day=journal.clearing_day,
                amount_fen=amount_fen,
            )
            session.add(line)
    return len(journals)


async def _version(session: AsyncSession, journal: Journal) -> Version:
    """Return the version in force for a lot on a day, with its parties."""
    return (
        await session.scalars(
            select(Version)
            .join(VersionLot, VersionLot.version_id == Version.version_id)
            .where(
                VersionLot.lot_id == journal.lot_id,
                VersionLot.valid.contains(journal.clearing_day),
            )
            .options(selectinload(Version.parties))
        )
    ).one()


def _split(total_fen: int, shares_ppm: Sequence[int]) -> list[int]:
    """Share by the largest remainder; of equal ones the first gets the fen."""
    whole = sum(shares_ppm)
    exact = [Decimal(total_fen) * share / whole for share in shares_ppm]
    parts = [int(one.to_integral_value(ROUND_FLOOR)) for one in exact]
    order = sorted(range(len(exact)), key=lambda at: parts[at] - exact[at])
    for at in order[: total_fen - sum(parts)]:
        parts[at] += 1
    return parts
