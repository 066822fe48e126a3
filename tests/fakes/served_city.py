"""A served city in a few lines: it keeps what it is told, in memory, and can be told to err."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from aiohttp import web

from onepark.infra.signing import Verdict, verify

SECRET = b"a device's key of 32 bytes......"
FEE_FEN = 300

Json = dict[str, Any]


@dataclass
class ServedCity:
    """Speaks the public words to devices and drivers, and those of the provider simulator."""

    lots: list[str]
    capacity: int = 400
    troubles: int = 0  # so many requests are refused with 503 first
    forgets_a_count: bool = False
    forgets_a_trade: bool = False
    answers_repeats_anew: bool = False
    never_pays: bool = False
    answers: dict[str, Json] = field(default_factory=dict)
    inside: dict[tuple[str, str], int] = field(default_factory=dict)
    occupied: Counter[str] = field(default_factory=Counter)
    orders: dict[str, Json] = field(default_factory=dict)
    trades: list[Json] = field(default_factory=list)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)  # passages in each
    kinds: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=count)
    beats: Counter[str] = field(default_factory=Counter)

    async def signed(self, request: web.Request) -> bytes:
        body = await request.read()
        verdict = verify(
            body,
            [SECRET],
            message_id=request.headers["webhook-id"],
            timestamp=request.headers["webhook-timestamp"],
            signature=request.headers["webhook-signature"],
            now_s=time.time(),
        )
        assert verdict == Verdict.RIGHT
        if self.troubles:
            self.troubles -= 1
            raise web.HTTPServiceUnavailable(text='{"code":"gate.busy"}')
        return body

    async def passages(self, request: web.Request) -> web.Response:
        passages = json.loads(await self.signed(request))["passages"]
        self.requests.append(len(passages))
        return web.json_response({"results": [self.take(passage) for passage in passages]})

    def take(self, passage: Json) -> Json:
        known = self.answers.get(passage["passage_id"])
        if known is not None:
            again: Json = {"stay_id": 0} if self.answers_repeats_anew else {}
            return {**known, "outcome": "duplicate", **again}
        self.kinds[passage["kind"]] += 1
        answer = getattr(self, passage["kind"])(passage, (passage["lot"], passage["plate"]))
        whole = {"passage_id": passage["passage_id"], "outcome": "accepted", **answer}
        self.answers[passage["passage_id"]] = whole
        return whole

    def entry(self, passage: Json, car: tuple[str, str]) -> Json:
        stay_id = len(self.answers) + 1
        self.inside[car] = stay_id
        order_no = f"P{stay_id}"
        order = {"order_no": order_no, "state": "open", "paid_fen": 0, "inside": True}
        self.orders[order_no] = order
        self.occupied[passage["lot"]] += not (self.forgets_a_count and stay_id == 1)
        return {"decision": {"type": "none"}, "stay_id": stay_id, "order_no": order_no}

    def exit_request(self, passage: Json, car: tuple[str, str]) -> Json:
        if car not in self.inside:
            return {"decision": {"type": "hold", "reason": "entry_missing"}}
        stay_id = self.inside[car]
        order = self.orders[f"P{stay_id}"]
        order["asked"] = (passage["lot"], passage["lane"], passage["passage_id"], passage["plate"])
        told = {"stay_id": stay_id, "order_no": order["order_no"]}
        if order["paid_fen"] or stay_id % 2:
            return {"decision": {"type": "open"}, **told}
        return {"decision": {"type": "pay"}, "due_fen": FEE_FEN, **told}

    def exit(self, passage: Json, car: tuple[str, str]) -> Json:
        stay_id = self.inside.pop(car, None)
        if stay_id is None:
            return {"decision": {"type": "hold", "reason": "entry_missing"}, "stay_id": 0}
        self.occupied[passage["lot"]] -= 1
        self.orders[f"P{stay_id}"]["inside"] = False
        return {"decision": {"type": "none"}, "stay_id": stay_id}

    async def pay(self, request: web.Request) -> web.Response:
        assert request.headers["idempotency-key"]
        order = self.orders[(await request.json())["order_no"]]
        number = uuid4().hex
        if not self.never_pays:
            order.update(state="paid", paid_fen=order["paid_fen"] + FEE_FEN)
            trade = {"out_trade_no": number, "amount_fen": FEE_FEN, "state": "paid"}
            if self.trades or not self.forgets_a_trade:
                self.trades.append(trade)
            self.forgets_a_trade = False
            self.open_for(order)
        payment = {"payment_no": number, "order_no": order["order_no"], "amount_fen": FEE_FEN}
        return web.json_response({**payment, "channel": "wechat"}, status=201)

    def open_for(self, order: Json) -> None:
        lot, lane, passage_id, plate = order["asked"]
        command = {"lane": lane, "passage_id": passage_id, "plate": plate, "kind": "open"}
        number = {"command_id": next(self.numbers), "order_no": order["order_no"]}
        self.commands.setdefault(f"{lot}-X1-cam", []).append({**command, **number})

    async def poll(self, request: web.Request) -> web.Response:
        await self.signed(request)
        waiting = self.commands.setdefault(request.headers["onepark-device"], [])
        for _ in range(20):
            if waiting:
                break
            await asyncio.sleep(0.01)
        return web.json_response({"commands": list(waiting)})

    async def acks(self, request: web.Request) -> web.Response:
        acks = json.loads(await self.signed(request))["acks"]
        waiting = self.commands[request.headers["onepark-device"]]
        done = {ack["command_id"] for ack in acks}
        waiting[:] = [command for command in waiting if command["command_id"] not in done]
        return web.json_response({"results": []})

    async def beat(self, request: web.Request) -> web.Response:
        await self.signed(request)
        self.beats[request.headers["onepark-device"]] += 1
        return web.json_response({"clock_offset_ms": 0})

    async def vacancy(self, request: web.Request) -> web.Response:
        lot = request.match_info["lot"]
        pool = {"capacity": self.capacity, "raw": self.occupied[lot] or None}
        return web.json_response({"lot": lot, "pools": {"short_stay": pool}})

    async def lot(self, _request: web.Request) -> web.Response:
        return web.json_response({"parking_type": 3, "parking_locate": 2, "attached_type": None})

    async def dues(self, request: web.Request) -> web.Response:
        plates = {car[1]: stay_id for car, stay_id in self.inside.items()}
        stay_id = plates.get(request.query["plate"])
        return web.json_response({"dues": [{"order_no": f"P{stay_id}"}] if stay_id else []})

    async def order(self, request: web.Request) -> web.Response:
        order = self.orders.get(request.match_info["order_no"])
        return (
            web.json_response({"code": "x"}, status=404) if not order else web.json_response(order)
        )

    async def books(self, _request: web.Request) -> web.Response:
        return web.json_response({"trades": self.trades})

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/gate/passages", self.passages),
                web.post("/v1/gate/heartbeats", self.beat),
                web.get("/v1/gate/commands", self.poll),
                web.post("/v1/gate/commands/acks", self.acks),
                web.post("/v1/payments", self.pay),
                web.get("/v1/orders/{order_no}", self.order),
                web.get("/v1/dues", self.dues),
                web.get("/v1/vacancies/{lot}", self.vacancy),
                web.get("/v1/lots/{lot}", self.lot),
                web.get("/_simulator/books", self.books),
            ]
        )
        return app


@asynccontextmanager
async def served(city: ServedCity):
    """Serve the city on a free port; yield its description, as `onepark up` writes it."""
    runner = web.AppRunner(city.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    try:
        yield {
            "base_url": url,
            "provider_url": url,
            "lots": [_described(lot, city.capacity) for lot in city.lots],
        }
    finally:
        await runner.cleanup()


def _described(lot: str, capacity: int) -> Json:
    secret = "whsec_" + base64.b64encode(SECRET).decode()
    gates = {
        way: {"device": f"{lot}-{lane}-cam", "lane": f"{lot}-{lane}", "secret": secret}
        for way, lane in (("entry", "E1"), ("exit", "X1"))
    }
    return {"lot": lot, "capacity": capacity, "lat": 31.9, "lon": 120.3, **gates}
