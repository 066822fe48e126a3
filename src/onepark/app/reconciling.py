"""Reconciliation, assembled.

Owns: where bills are fetched from, which bank formats are read, what fees should be.
Never: decides anything about money.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec

from onepark.contexts.payments.ports import Channel
from onepark.contexts.reconciliation.ports import Attempts, BillSource, Fees, StatementReader
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.http_client import open_http_client
from onepark.infra.settings import Settings, SettingsError
from onepark.integrations.payments.bank_statements import Profile, read_camt053, read_csv
from onepark.integrations.payments.bill_files import PACKED_BYTES_MAX
from onepark.integrations.payments.bill_sources import open_bill_sources

DOWNLOAD_TIMEOUT_S = 40.0
FEE_PPM_MAX = 100_000


async def open_sources(
    channels: Mapping[str, Channel], clock: Clock, stack: AsyncExitStack
) -> dict[str, BillSource]:
    """Open the bills of the channels that are open."""
    client = await stack.enter_async_context(
        open_http_client(timeout_s=DOWNLOAD_TIMEOUT_S, answer_bytes_max=PACKED_BYTES_MAX)
    )
    return open_bill_sources(channels, client, clock)


def reconciliation_of(
    settings: Settings,
    clock: Clock,
    *,
    service_db: Database,
    sources: Mapping[str, BillSource],
    attempts: Attempts,
    fees: Fees | None,
) -> Reconciliation:
    """Assemble the comparing of books."""
    return Reconciliation(
        service_db,
        sources=sources,
        attempts=attempts,
        fees=fees,
        fee_ppm=fees_of(settings),
        clock=clock,
    )


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
