"""Reconciliation, assembled.

Owns: where bills are fetched from, which bank formats are read, what fees should be.
Never: decides anything about money.
"""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.errors import BusinessKeyReused
from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.ports import Channel
from onepark.contexts.reconciliation import jobs as reconciliation_jobs
from onepark.contexts.reconciliation.desk import ReconciliationDesk
from onepark.contexts.reconciliation.meters import ReconciliationMeters
from onepark.contexts.reconciliation.model import BillLine, Ours
from onepark.contexts.reconciliation.ports import (
    Attempts,
    BillSource,
    Refunding,
    StatementReader,
)
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.infra.clock import Clock
from onepark.infra.db import Tx
from onepark.infra.http_client import open_http_client
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings, SettingsError
from onepark.integrations.payments.bank_statements import Profile, read_camt053, read_csv
from onepark.integrations.payments.bill_files import PACKED_BYTES_MAX
from onepark.integrations.payments.bill_sources import open_bill_sources
from onepark.kernel.types import Fen, OperatorId

DOWNLOAD_TIMEOUT_S = 40.0
FEE_PPM_MAX = 100_000


class BilledFees:
    """Writes what providers have charged into the books of whoever was paid."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def post(self, tx: Tx, charged: Sequence[tuple[BillLine, Ours]]) -> None:
        """Post each fee once; one that came back with a refund is negative."""
        journals = [
            _journal_of_fee(line, one, one.operator_id)
            for line, one in charged
            if one.operator_id is not None
        ]
        try:
            await self._ledger.post(tx, journals)
        except BusinessKeyReused:  # a bill was corrected: what was posted before stands
            for journal in journals:
                await self._ledger.post(tx, await self._corrected(tx, journal))

    async def _corrected(self, tx: Tx, journal: Journal) -> list[Journal]:
        """Return what is still to be posted of a fee: all of it, the difference, or nothing."""
        kept = await self._ledger.journal(tx, journal.business_key)
        if kept is None:
            return [journal]
        fee_fen, off_fen = journal.postings[0].amount_fen, _off_fen(journal, kept)
        if not off_fen:
            return []
        postings = tuple(
            Posting(line.account, Fen(off_fen if line is journal.postings[0] else -off_fen))
            for line in journal.postings
        )
        key = f"{journal.business_key}:{fee_fen}"
        return [replace(journal, business_key=key, postings=postings, about=kept.business_key)]


def _off_fen(journal: Journal, kept: Journal) -> int:
    return journal.postings[0].amount_fen - kept.postings[0].amount_fen


def _journal_of_fee(line: BillLine, ours: Ours, operator_id: OperatorId) -> Journal:
    fee = Account(AccountKind.PROVIDER_FEE, line.provider)
    channel = Account(AccountKind.CHANNEL_RECEIVABLE, line.provider)
    return Journal(
        kind=JournalKind.FEE,
        business_key=f"fee:{line.provider}:{line.provider_txn}",
        operator_id=operator_id,
        occurred_at=line.at,
        revenue_kind=ours.revenue_kind,
        postings=(Posting(fee, line.fee_fen), Posting(channel, Fen(-line.fee_fen))),
        order_no=ours.order_no,
        lot_id=ours.lot_id,
        about=f"attempt:{line.of_no or line.our_no}",
    )


async def open_sources(
    channels: Mapping[str, Channel], clock: Clock, stack: AsyncExitStack
) -> dict[str, BillSource]:
    """Open the bills of the channels that are open."""
    client = await stack.enter_async_context(
        open_http_client(timeout_s=DOWNLOAD_TIMEOUT_S, answer_bytes_max=PACKED_BYTES_MAX)
    )
    return open_bill_sources(channels, client, clock)


class Peers(NamedTuple):
    """Who is asked and told about attempts and refunds."""

    attempts: Attempts
    refunds: Refunding


class Reconciling(NamedTuple):
    """Every part of reconciliation."""

    reconciliation: Reconciliation
    reconciliation_desk: ReconciliationDesk
    meters: ReconciliationMeters

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return reconciliation_jobs.jobs(self.reconciliation)


def reconciling_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    sources: Mapping[str, BillSource],
    peers: Peers,
) -> Reconciling:
    """Assemble the comparing of books."""
    service = databases.service
    reconciliation = Reconciliation(
        service,
        sources=sources,
        attempts=peers.attempts,
        refunds=peers.refunds,
        fees=BilledFees(Ledger()),
        fee_ppm=fees_of(settings),
        clock=clock,
    )
    desk = ReconciliationDesk(
        service,
        databases.staff,
        reconciliation=reconciliation,
        readers=statement_readers(settings),
        audit=Audit(),
        clock=clock,
    )
    return Reconciling(reconciliation, desk, ReconciliationMeters(service, clock))


def fees_of(settings: Settings) -> dict[str, int]:
    """Read the contracts' fees, such as ``wechat=6000,alipay=6000`` in millionths."""
    fees: dict[str, int] = {}
    for part in filter(None, settings.channel_fee_ppm.split(",")):
        name, _, ppm = part.partition("=")
        if not ppm.isdecimal() or int(ppm) > FEE_PPM_MAX or not name.isidentifier():
            raise SettingsError(f"ONEPARK_CHANNEL_FEE_PPM: {part!r} is no channel=millionths")
        fees[name] = int(ppm)
    return fees


def statement_readers(settings: Settings) -> dict[str, StatementReader]:
    """Return the formats of bank statements that are read here."""
    readers: dict[str, StatementReader] = {"camt053": read_camt053}
    if settings.bank_csv_file:
        try:
            raw = Path(settings.bank_csv_file).read_bytes()
            readers["csv"] = partial(read_csv, profile=msgspec.json.decode(raw, type=Profile))
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(f"ONEPARK_BANK_CSV_FILE: {error}") from error
    return readers
