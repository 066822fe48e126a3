"""The payer and the postman.

Owns: when a trade is paid or a refund ends, and sending notices until somebody acknowledges them.
Never: knows how a notice is written.
"""

import asyncio
import math
from collections import deque
from collections.abc import Coroutine, Mapping
from random import SystemRandom

from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient, PeerUnavailable
from onepark.simulator.providers.refunds import Refund, RefundBook, RefundState
from onepark.simulator.providers.trades import (
    Behaviours,
    Delivery,
    Provider,
    State,
    Trade,
)
from onepark.simulator.providers.wire import Dialect, Parcel

DELAY_S = (0.5, 1.5)
ELSEWHERE_S = 1.0
REFUND_DELAY_S = {Provider.WECHAT: 0.5, Provider.ALIPAY: 0.0}
COPY_AFTER_S = 0.3
SENDS_AT_ONCE_MAX = 64
ANSWER_HELD_S = 30.0

_CHANCE = SystemRandom()


class Courier:
    """Pays trades and delivers their notices, each trade in a task of its own."""

    def __init__(
        self,
        client: HttpClient,
        clock: Clock,
        *,
        behaviours: Behaviours,
        refunds: RefundBook,
        dialects: Mapping[Provider, Dialect],
    ) -> None:
        self._client = client
        self._clock = clock
        self._behaviours = behaviours
        self._refunds = refunds
        self._dialects = dialects
        self._tasks: set[asyncio.Task[None]] = set()
        self._sends = asyncio.Semaphore(SENDS_AT_ONCE_MAX)
        self._stopping = asyncio.Event()

    async def take(self, trade: Trade) -> None:
        """Treat a new trade as asked; returns when its order call may be answered."""
        behaviour = self._behaviours.of(trade.order.out_trade_no)
        if behaviour.notice_before_answer and self.pay(trade):
            acknowledged = await self.send(trade)
            self._begin(self._deliver(trade, sent=1, acknowledged=acknowledged))
        elif behaviour.pay:
            self._begin(self._pay_later(trade, behaviour.delay_s))
        if behaviour.answer_timeout:
            await self._hold()

    def pay_and_tell(self, trade: Trade) -> None:
        """Pay a trade now, even a closed one: late money; a paid one stays as it is."""
        if self.pay(trade):
            self._begin(self._deliver(trade))

    def pay(self, trade: Trade) -> bool:
        """Mark a trade paid; False if it was."""
        if trade.state is State.PAID:
            return False
        trade.state, trade.paid_at = State.PAID, self._clock.now()
        return True

    async def send(self, trade: Trade) -> bool:
        """Send the trade's notice once and say whether it was acknowledged."""
        dialect = self._dialects[trade.order.provider]
        behaviour = self._behaviours.of(trade.order.out_trade_no)
        if behaviour.lose_notices:
            return False
        parcel = dialect.parcel(trade, behaviour, self._clock.now())
        return await self._post(dialect, trade.order.notify_url, parcel, trade.deliveries)

    async def take_refund(self, trade: Trade, refund: Refund) -> None:
        """Treat a new refund as asked; returns when its call may be answered."""
        behaviour = self._behaviours.of(trade.order.out_trade_no)
        usual_s = REFUND_DELAY_S.get(trade.order.provider, ELSEWHERE_S)
        delay_s = usual_s if behaviour.refund_delay_s is None else behaviour.refund_delay_s
        if delay_s == 0:
            self.end_refund(trade, refund, RefundState(behaviour.refund_ends))
        else:
            self._begin(self._end_later(trade, refund, delay_s))
        if behaviour.refund_timeout:
            await self._hold()

    def refund_refused(self, trade: Trade) -> bool:
        """Say whether the merchant's account is too empty to give anything back."""
        return self._behaviours.of(trade.order.out_trade_no).refund_ends == "not_enough"

    def end_refund(self, trade: Trade, refund: Refund, state: RefundState) -> None:
        """Let a refund come to its end now, and tell of it."""
        self._refunds.end(trade, refund, state, self._clock.now())
        self._begin(self._deliver_refund(trade, refund))

    async def send_refund(self, trade: Trade, refund: Refund) -> bool:
        """Send a refund's notice once and say whether it was acknowledged, or is never sent."""
        dialect = self._dialects[trade.order.provider]
        behaviour = self._behaviours.of(trade.order.out_trade_no)
        if behaviour.lose_notices:
            return False
        now = self._clock.now()
        parcel = dialect.refund_parcel(trade, refund, behaviour=behaviour, now=now)
        if parcel is None:
            return True
        return await self._post(dialect, refund.order.notify_url, parcel, refund.deliveries)

    async def _post(
        self, dialect: Dialect, url: str, parcel: Parcel, deliveries: deque[Delivery]
    ) -> bool:
        now, status, acknowledged = self._clock.now(), None, False
        try:
            async with self._sends:
                answer = await self._client.request(
                    "POST", url, headers=parcel.headers, body=parcel.body
                )
            status = answer.status
            acknowledged = dialect.is_acknowledged(answer.status, answer.body)
        except PeerUnavailable:
            pass
        deliveries.append(Delivery(now, status, acknowledged))
        return acknowledged

    async def close(self) -> None:
        """End every task and every held answer."""
        self._stopping.set()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pay_later(self, trade: Trade, delay_s: float | None) -> None:
        await asyncio.sleep(_CHANCE.uniform(*DELAY_S) if delay_s is None else delay_s)
        if trade.state is State.WAITING and self._clock.now() < trade.order.expires_at:
            self.pay(trade)
            await self._deliver(trade)

    async def _deliver(self, trade: Trade, *, sent: int = 0, acknowledged: bool = False) -> None:
        """Send until acknowledged or the schedule ends, then the copies that were asked for."""
        waits = self._dialects[trade.order.provider].resend_after_s
        acknowledged = acknowledged or (sent == 0 and await self.send(trade))
        for wait_s in waits:
            if acknowledged:
                break
            await asyncio.sleep(wait_s)
            acknowledged = await self.send(trade)
        for _ in range(_copies(self._behaviours.of(trade.order.out_trade_no).duplicates)):
            await asyncio.sleep(COPY_AFTER_S)
            await self.send(trade)

    async def _end_later(self, trade: Trade, refund: Refund, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        if refund.state is RefundState.PROCESSING:
            end = self._behaviours.of(trade.order.out_trade_no).refund_ends
            self.end_refund(trade, refund, RefundState(end))

    async def _deliver_refund(self, trade: Trade, refund: Refund) -> None:
        """Send until acknowledged or the schedule ends, then the copies that were asked for."""
        acknowledged = await self.send_refund(trade, refund)
        for wait_s in self._dialects[trade.order.provider].resend_after_s:
            if acknowledged:
                break
            await asyncio.sleep(wait_s)
            acknowledged = await self.send_refund(trade, refund)
        for _ in range(_copies(self._behaviours.of(trade.order.out_trade_no).duplicates)):
            await asyncio.sleep(COPY_AFTER_S)
            await self.send_refund(trade, refund)

    async def _hold(self) -> None:
        """Keep a caller waiting beyond its patience, or until we stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), ANSWER_HELD_S)
        except TimeoutError:
            return

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _copies(duplicates: float) -> int:
    """Return how many copies are sent this time: 0.2 is one in a fifth of the cases."""
    chance, whole = math.modf(duplicates)
    return int(whole) + (_CHANCE.random() < chance)
