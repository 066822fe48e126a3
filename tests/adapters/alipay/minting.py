"""Alipay messages, minted in the test: right ones, to be bent one at a time.

Owns: what a right notice and a right answer look like.
Never: imports an adapter's way of signing.
"""

import json
from typing import Any
from urllib.parse import quote_plus

from onepark.infra.http_client import HttpAnswer
from onepark.integrations.payments.alipay import AlipayChannel
from tests.adapters.support import ScriptedClient, StillClock, a_key, signed


def a_channel(client: ScriptedClient | None = None, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "base_url": "https://openapi.alipay.com/gateway.do",
        "app_id": "9021000122682882",
        "seller_id": "2088721003899159",
        "app_key": a_key("app"),
        "alipay_key": a_key("alipay").public_key(),
    }
    return AlipayChannel(client or ScriptedClient(), StillClock(), **{**given, **changes})


def the_fields(**changes: str) -> dict[str, str]:
    fields = {
        "notify_time": "2026-05-01 12:00:00",
        "notify_type": "trade_status_sync",
        "notify_id": "2026050101222120000000000000000001",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": "9021000122682882",
        "seller_id": "2088721003899159",
        "trade_no": "2026050122001499160500000001",
        "out_trade_no": "20260501P000001",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "5.00",
        "subject": "停车费 Parking",
        "gmt_payment": "2026-05-01 11:59:58",
    }
    return {**fields, **changes}


def a_notice(
    fields: dict[str, str] | None = None,
    *,
    charset: str = "utf-8",
    name: str = "alipay",
    algorithm: Any = None,
) -> bytes:
    """A form signed over its non-empty fields without sign and sign_type, in ``charset``."""
    fields = fields or the_fields()
    text = "&".join(f"{key}={fields[key]}" for key in sorted(fields) if fields[key])
    signature = signed(a_key(name), text.encode(charset), algorithm)
    return form({**fields, "sign_type": "RSA2", "sign": signature}, charset=charset)


def form(fields: dict[str, str], *, charset: str = "utf-8") -> bytes:
    return "&".join(
        f"{key}={quote_plus(value.encode(charset))}" for key, value in fields.items()
    ).encode()


def an_answer(call: str, node: Any, *, name: str = "alipay", raw: str | None = None) -> HttpAnswer:
    text = raw or json.dumps(node, ensure_ascii=False)
    signature = signed(a_key(name), text.encode())
    body = f'{{"alipay_trade_{call}_response":{text},"sign":"{signature}"}}'
    return HttpAnswer(200, {}, body.encode())
