"""Other authors' clients buy from our simulator: it takes their signatures and they take its."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from onepark.kernel.types import CHINA
from tests.adapters.judges.judge import Judge, Refused
from tests.adapters.judges.messages import DESCRIPTION, this_second
from tests.adapters.support import a_key, private_pem, public_pem
from tests.simulator.conftest import start, stop

NOTIFY_URL = "https://park.example/v1/payments/notices/any"
STRANGER = private_pem(a_key("stranger")).decode()


class Merchant:
    """What the simulator gives a merchant, handed to a judge's client."""

    def __init__(self, folder: Path, judge: Judge) -> None:
        self._folder = folder
        self._judge = judge
        given = json.loads((folder / "payments.json").read_text())
        self.wechat, self.alipay = given["wechat"], given["alipay"]
        self.base_url = self.wechat["base_url"]

    def file(self, name: str) -> str:
        return (self._folder / name).read_text()

    def buy_wechat(self, method: str, path: str, **asked: Any) -> Any:
        """One call of the plugin; ``asked`` may also replace a key."""
        given = {
            "private_key": self.file(self.wechat["merchant_key_file"]),
            "keys": {one["serial"]: self.file(one["file"]) for one in self.wechat["platform_keys"]},
            "mchid": self.wechat["mchid"],
            "serial": self.wechat["merchant_serial"],
            "base_url": self.base_url,
        }
        return self._judge.ask("wechat.call", method=method, path=path, **{**given, **asked})

    def alipay_keys(self) -> dict[str, str]:
        return {
            "key": self.file(self.alipay["alipay_public_key_file"]),
            "private_key": self.file(self.alipay["app_key_file"]),
            "app_id": self.alipay["app_id"],
        }

    def buy_alipay(self, call: str, content: dict[str, Any], **changes: str) -> Any:
        """One call of Alipay's kit."""
        params = {"bizContent": content, "notify_url": NOTIFY_URL}
        given = {**self.alipay_keys(), "gateway": self.alipay["base_url"], **changes}
        return self._judge.ask("alipay.call", method=f"alipay.trade.{call}", params=params, **given)


@pytest.fixture(scope="module")
def merchant(tmp_path_factory: pytest.TempPathFactory, judge: Judge) -> Iterator[Merchant]:
    folder = tmp_path_factory.mktemp("providers")
    process = start(folder)
    yield Merchant(folder, judge)
    assert stop(process) == 0


@pytest.fixture
async def session(merchant):
    async with aiohttp.ClientSession(merchant.base_url) as opened:
        quiet = {"pay": False, "lose_notices": True}
        async with opened.post("/_simulator/behaviour", json=quiet) as answer:
            assert answer.status == 200
        yield opened


@pytest.fixture
def number() -> str:
    return f"J{uuid4().hex[:20]}"


def a_wechat_order(merchant, number):
    return {
        "appid": merchant.wechat["appid"],
        "mchid": merchant.wechat["mchid"],
        "description": DESCRIPTION,
        "out_trade_no": number,
        "notify_url": NOTIFY_URL,
        "amount": {"total": 305, "currency": "CNY"},
        "time_expire": (this_second() + timedelta(minutes=5)).astimezone(CHINA).isoformat(),
    }


def an_alipay_order(number):
    expires_at = (this_second() + timedelta(minutes=5)).astimezone(CHINA)
    return {
        "out_trade_no": number,
        "total_amount": "3.05",
        "subject": DESCRIPTION,
        "time_expire": f"{expires_at:%Y-%m-%d %H:%M:%S}",
    }


async def pay(session, number):
    async with session.post(f"/_simulator/trades/{number}/pay") as answer:
        assert answer.status == 200


NATIVE = "v3/pay/transactions/native"


async def test_the_wechat_plugin_orders_asks_and_closes_at_our_simulator(merchant, session, number):
    trade = f"v3/pay/transactions/out-trade-no/{number}"
    mchid = {"mchid": merchant.wechat["mchid"]}
    order = merchant.buy_wechat("post", NATIVE, body=a_wechat_order(merchant, number))
    assert order["data"]["code_url"].startswith("weixin://")
    asked = merchant.buy_wechat("get", trade, params=mchid)
    assert (asked["status"], asked["data"]["trade_state"]) == (200, "NOTPAY")
    assert merchant.buy_wechat("post", f"{trade}/close", body=mchid)["status"] == 204
    assert merchant.buy_wechat("get", trade, params=mchid)["data"]["trade_state"] == "CLOSED"


async def test_the_wechat_plugin_reads_a_paid_trade(merchant, session, number):
    merchant.buy_wechat("post", NATIVE, body=a_wechat_order(merchant, number))
    await pay(session, number)
    told = merchant.buy_wechat(
        "get",
        f"v3/pay/transactions/out-trade-no/{number}",
        params={"mchid": merchant.wechat["mchid"]},
    )
    assert (told["data"]["trade_state"], told["data"]["amount"]["total"]) == ("SUCCESS", 305)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"private_key": STRANGER}, "SIGN_ERROR"),
        ({"serial": "5157F09EFDC096DE15EBE81A47057A7232F1B8E2"}, "SIGN_ERROR"),
        ({"keys": {"PUB_KEY_ID_OTHER": STRANGER}}, "EV3_RES_HEADER_PLATFORM_SERIAL"),
    ],
    ids=["our simulator: a stranger", "our simulator: a serial", "the plugin: a serial"],
)
async def test_a_wrong_wechat_key_is_refused_by_whoever_meets_it(
    merchant, session, number, changes, word
):
    with pytest.raises(Refused, match=word):
        merchant.buy_wechat("post", NATIVE, body=a_wechat_order(merchant, number), **changes)


async def test_the_wechat_plugin_refuses_an_answer_under_another_key(merchant, session, number):
    other = public_pem(a_key("stranger").public_key()).decode()
    ring = {one["serial"]: other for one in merchant.wechat["platform_keys"]}
    with pytest.raises(Refused, match="EV3_RES_HEADER_SIGNATURE_DIGEST"):
        merchant.buy_wechat("post", NATIVE, body=a_wechat_order(merchant, number), keys=ring)


async def test_alipays_kit_orders_at_our_simulator_and_reads_a_paid_trade(
    merchant, session, number
):
    order = merchant.buy_alipay("precreate", an_alipay_order(number))
    assert (order["code"], order["out_trade_no"]) == ("10000", number)
    absent = merchant.buy_alipay("query", {"out_trade_no": number})
    assert absent["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    await pay(session, number)
    paid = merchant.buy_alipay("query", {"out_trade_no": number})
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "3.05")
    assert merchant.buy_alipay("close", {"out_trade_no": number})["code"] == "40004"


async def test_a_request_of_alipays_kit_under_a_strangers_key_is_refused(merchant, session, number):
    answer = merchant.buy_alipay("precreate", an_alipay_order(number), private_key=STRANGER)
    assert answer["sub_code"] == "isv.invalid-signature"


async def test_alipays_kit_refuses_an_answer_under_another_key(merchant, session, number):
    other = public_pem(a_key("stranger").public_key()).decode()
    with pytest.raises(Refused, match="验签失败"):
        merchant.buy_alipay("precreate", an_alipay_order(number), key=other)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("", "", "10000"),
        ("%20", "+", "10000"),
        ("%2B", "+", "isv.invalid-signature"),
        ("3.05", "3.06", "isv.invalid-signature"),
        ("&charset", "&x=1&charset", "isv.invalid-signature"),
        ("&timestamp", "&goods_tag=&timestamp", "10000"),
        ("&timestamp", "&version=1.0&timestamp", "isv.invalid-parameter"),
    ],
    ids=["as sent", "space", "plus", "a digit", "a field more", "an empty field", "a field twice"],
)
async def test_a_request_that_the_kit_signed_and_somebody_bent(
    merchant, judge, session, number, old, new, word
):
    signer = {name: text for name, text in merchant.alipay_keys().items() if name != "key"}
    query = judge.ask(
        "alipay.request",
        method="alipay.trade.precreate",
        params={"bizContent": an_alipay_order(number), "notify_url": NOTIFY_URL},
        **signer,
    )
    assert old in query
    form = query.replace(old, new) if old else query
    kind = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
    async with session.post("/gateway.do", data=form.encode(), headers=kind) as answer:
        node = next(iter(json.loads(await answer.read()).values()))
    assert node.get("sub_code", node["code"]) == word
