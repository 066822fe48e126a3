"""A worker that gives money back and kills itself at a point, run as a process of its own.

Its provider is a file: a number that stands in it was refunded, and is never refunded again.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.model import (
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    PayInstruction,
    PayRequest,
    RefundFact,
    RefundRequest,
    RefundWord,
    Terms,
    TradeFact,
)
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.stays.service import Stays
from onepark.infra import faults
from onepark.infra.db import Role, open_database
from onepark.kernel.types import Fen
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan


class FileChannel:
    """Books each refund as one line, before it answers."""

    name, merchant, app = "open", "m", "a"
    terms = Terms()
    refund_gap = timedelta(seconds=0)

    def __init__(self, book: Path) -> None:
        self.book = book

    async def create(self, request: PayRequest) -> PayInstruction:
        raise NotImplementedError

    async def query(self, out_trade_no: str) -> TradeFact:
        raise NotImplementedError

    async def close(self, out_trade_no: str) -> None:
        raise NotImplementedError

    async def refund(self, request: RefundRequest) -> RefundFact:
        line = f"{request.refund_no} {request.amount_fen}\n"
        if line not in self.book.read_text().splitlines(keepends=True):
            with self.book.open("a") as book:
                book.write(line)
        return self.fact(request.refund_no, request.out_trade_no, request.amount_fen)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)

    def fact(self, refund_no: str, out_trade_no: str, amount_fen: Fen) -> RefundFact:
        return RefundFact(refund_no, out_trade_no, RefundWord.SUCCESS, self.merchant, amount_fen)

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        raise NotImplementedError

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        raise NotImplementedError


async def work(url: str, book: Path, at: datetime) -> None:
    """Give back what is to go back, twice, an hour apart."""
    service = await open_database(url, Role.SERVICE, connections=2)
    batch = await open_database(url, Role.BATCH, connections=1)
    clock = HandClock(at)
    refunds = Refunds(
        service,
        payable=Stays(batch, service, plans=OnePlan(FIVE_AN_HOUR), clock=clock),
        channels={"open": FileChannel(book)},
        ledger=Ledger(),
        clock=clock,
        public_url="http://127.0.0.1:1/",
    )
    for _ in range(2):
        await refunds.give_back()
        await refunds.ask_providers()
        clock.go(timedelta(hours=1))
    await service.close()
    await batch.close()


if __name__ == "__main__":
    faults.arm(sys.argv[4])
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3])))
