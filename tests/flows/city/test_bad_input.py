"""What the city declines, over HTTP, and that nothing is lost or changed by it."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.flows.city.served import City, Lot, a_plate, call, soon


@pytest.fixture
def lot(city: City) -> Lot:
    return city.lots[5]


def problem(told: tuple[int, Any]) -> tuple[int, str]:
    status, body = told
    assert body["status"] == status
    assert body["type"] == f"urn:onepark:problem:{body['code']}"
    return status, body["code"]


def a_body(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"passages": rows}).encode()


def test_a_wrong_signature_is_refused(lot: Lot):
    body = a_body(lot.entry.row("entry", a_plate()))
    headers = lot.entry.signed(body)
    url = f"{lot.base_url}/v1/gate/passages"
    for wrong in (
        {**headers, "webhook-signature": "v1,AAAA"},
        {**headers, "onepark-device": "nobody"},
        {**headers, "webhook-id": "another"},
        {k: v for k, v in headers.items() if k != "webhook-timestamp"},
        {},
    ):
        assert problem(call(url, "POST", body, wrong)) == (401, "gate.signature_wrong")
    tampered = body.replace(b"entry", b"exit")
    assert problem(call(url, "POST", tampered, headers)) == (401, "gate.signature_wrong")


@pytest.mark.parametrize("off_s", [-301, 301])
def test_a_stale_or_future_stamp_is_told_the_servers_time(lot: Lot, off_s: int):
    body = a_body(lot.entry.row("entry", a_plate()))
    off = off_s + (2 if off_s > 0 else -2)
    status, told = lot.entry.send(body, at=datetime.now(UTC) + timedelta(seconds=off))
    assert (status, told["code"]) == (401, "gate.stale_stamp")
    told_at = datetime.fromisoformat(told["server_time"])
    assert abs(told_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_gate_with_a_wrong_clock_mends_itself_by_its_heartbeat(lot: Lot):
    gate, url = lot.entry, f"{lot.base_url}/v1/gate/heartbeats"
    wrong_at = datetime.now(UTC) - timedelta(days=400)
    body = json.dumps({"device_time": wrong_at.isoformat()}).encode()
    status, told = call(url, "POST", body, gate.signed(body, at=wrong_at))
    assert status == 200
    assert told["clock_offset_ms"] < -399 * 86_400_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lot": "999999999999"}, "gate.foreign_lot"),
        ({"lane": "elsewhere-E1"}, "gate.foreign_lane"),
        ({"plate": "苏B\u000012345"}, "gate.control_character"),
        ({"plate": "苏" * 17}, "gate.plate_too_long"),
        ({"seen_at": "2026-11-20T08:00:00"}, "gate.invalid_field"),
        ({"seen_at": "9999-12-31T23:59:59Z"}, "gate.seen_at_out_of_range"),
        ({"seen_at": 5}, "gate.invalid_field"),
        ({"kind": 7}, "gate.invalid_field"),
        ({"plate": None}, "gate.invalid_field"),
    ],
)
def test_a_bad_passage_is_rejected_by_name_beside_a_good_one(lot: Lot, changes, reason):
    plate = a_plate()
    free = lot.free()
    bad, good = lot.entry.report(
        lot.entry.row("entry", a_plate()) | changes, lot.entry.row("entry", plate)
    )
    assert (bad["outcome"], bad["reason"]) == ("rejected", reason)
    assert good["outcome"] == "accepted"
    lot.free_becomes(free - 1)
    lot.exit.pass_by("exit", plate)


def test_a_passage_six_minutes_ahead_is_rejected(lot: Lot):
    ahead = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    told = lot.entry.pass_by("entry", a_plate(), seen_at=ahead)
    assert (told["outcome"], told["reason"]) == ("rejected", "gate.seen_at_in_future")


def test_a_device_does_not_speak_for_a_lane_of_another_lot(city: City, lot: Lot):
    other = city.lots[6]
    row = other.entry.row("entry", a_plate())
    told = lot.entry.report(row, row | {"lot": lot.code})
    assert [one["reason"] for one in told] == ["gate.foreign_lot", "gate.foreign_lane"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"passages": "x"}', b"null"])
def test_a_malformed_body_is_refused(lot: Lot, body: bytes):
    url = f"{lot.base_url}/v1/gate/passages"
    # what is no UTF-8 is signed as it is: the reference signer only takes text
    headers = lot.entry.signed(body) if body != b"\xff\xfe" else lot.entry.signed(b"")
    wanted = (400, "gate.body_malformed") if body != b"\xff\xfe" else (401, "gate.signature_wrong")
    assert problem(call(url, "POST", body, headers)) == wanted


def test_a_thousand_and_one_passages_are_too_many_and_none_is_taken(lot: Lot):
    free = lot.free()
    rows = [lot.entry.row("entry", a_plate()) for _ in range(1001)]
    assert problem(lot.entry.send(a_body(*rows))) == (422, "gate.passage_count")
    assert problem(lot.entry.send(a_body())) == (422, "gate.passage_count")
    assert lot.free() == free


def test_ten_megabytes_are_refused(lot: Lot):
    body = a_body(lot.entry.row("entry", "x" * 10_000_000))
    assert problem(lot.entry.send(body)) == (413, "http.body_too_large")


@pytest.mark.parametrize(
    ("plate", "status"),
    [("%00", 400), ("", 400), ("x" * 40, 400), ("%F0%9F%9A%97", 400), ("苏B99999", 200)],
)
def test_dues_are_asked_for_by_a_plate_that_a_car_can_carry(city: City, plate: str, status: int):
    asked = plate if plate.startswith("%") else quote(plate)
    told = call(f"{city.base_url}/v1/dues?plate={asked}", address="127.0.0.98")
    assert told[0] == status


def test_a_plate_cannot_be_watched(city: City):
    plate = a_plate()
    url = f"{city.base_url}/v1/dues?plate={quote(plate)}"
    answers = [call(url, address=f"127.0.0.{n + 2}") for n in range(60)]  # everybody asks once
    assert answers[0] == (200, {"currency": "CNY", "dues": []})
    assert problem(answers[-1]) == (429, "stays.too_many_lookups")


def test_a_list_of_plates_cannot_be_tried_from_one_place(city: City):
    url = f"{city.base_url}/v1/dues?plate="
    answers = [call(url + quote(a_plate()), address="127.0.0.99") for _ in range(60)]
    assert answers[0][0] == 200
    assert problem(answers[-1]) == (429, "stays.too_many_lookups")


def test_a_car_that_owes_nothing_is_not_shown_to_be_there(city: City):
    lot, plate = city.lots[7], a_plate()
    lot.entry.pass_by("entry", plate)
    assert city.dues(plate) == []
    lot.exit.pass_by("exit", plate)


def test_a_heartbeat_with_a_control_character_is_refused(lot: Lot):
    body = json.dumps({"status": "\u0000"}).encode()
    url = f"{lot.base_url}/v1/gate/heartbeats"
    told = call(url, "POST", body, lot.entry.signed(body))
    assert problem(told) == (400, "gate.body_malformed")


def test_a_body_nested_without_end_is_refused(city: City):
    deep = b"[" * 20_000
    headers = {"Idempotency-Key": "deep"}
    assert problem(call(f"{city.base_url}/v1/payments", "POST", deep, headers))[0] == 400


def test_payments_want_a_key_a_known_order_and_a_known_channel(city: City):
    order_no = city.priced_lot().admit(a_plate())["order_no"]
    url = f"{city.base_url}/v1/payments"
    body = {"order_no": order_no, "channel": "wechat"}
    assert problem(call(url, "POST", body)) == (400, "payments.idempotency_key_missing")
    unknown = "P0000001" + "A" * 24
    assert problem(city.pay(unknown, "wechat")) == (404, "stays.order_unknown")
    assert problem(city.pay(order_no, "gold")) == (404, "payments.channel_unknown")
    assert problem(city.pay("\u0000", "wechat")) == (400, "http.invalid_request")
    assert city.pay(order_no, "wechat", key="once-only")[0] == 201
    other = city.pay(order_no, "alipay", key="once-only")
    assert problem(other) == (422, "payments.idempotency_key_reused")


def begun(city: City, channel: str = "wechat") -> tuple[str, dict[str, Any]]:
    """A car inside and a payment that nobody has made yet."""
    order_no = city.priced_lot().admit(a_plate())["order_no"]
    status, payment = city.pay(order_no, channel)
    assert status == 201, payment
    return order_no, payment


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
@pytest.mark.parametrize("fault", ["wrong_amount", "bad_signature"])
def test_a_notice_that_lies_pays_nothing(city: City, channel: str, fault: str):
    city.behave(**{fault: True, "duplicates": 0}, pay=False)
    order_no, payment = begun(city, channel)
    trades = f"{city.demo['provider_url']}/_simulator/trades/{payment['payment_no']}"
    assert call(f"{trades}/pay", "POST", {})[0] < 300
    soon(lambda: city.trade(payment["payment_no"])["deliveries"])
    assert city.order(order_no)["paid_fen"] == 0, "the notice proved nothing"
    soon(lambda: city.is_paid(order_no), within_s=30)  # the provider was asked


@pytest.mark.parametrize("fault", ["wrong_serial", "stale_stamp"])
def test_an_unknown_serial_and_a_stale_notice_are_no_proof(city: City, fault: str):
    city.behave(**{fault: True, "duplicates": 0}, delay_s=0)
    order_no, payment = begun(city)
    deliveries = soon(lambda: city.trade(payment["payment_no"])["deliveries"])
    assert deliveries[0]["status"] == 401
    soon(lambda: city.is_paid(order_no), within_s=30)


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_a_notice_that_comes_again_and_again_pays_once(city: City, channel: str):
    city.behave(duplicates=3, delay_s=0)
    order_no, payment = begun(city, channel)
    soon(lambda: city.is_paid(order_no))
    trades = f"{city.demo['provider_url']}/_simulator/trades/{payment['payment_no']}"
    for _ in range(3):
        assert call(f"{trades}/repeat", "POST", {})[1]["acknowledged"]
    order = city.order(order_no)
    assert (order["paid_fen"], order["refund_due_fen"]) == (payment["amount_fen"], 0)


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_a_notice_may_come_before_the_order_call_is_answered(city: City, channel: str):
    city.behave(notice_before_answer=True, delay_s=0)
    order_no, payment = begun(city, channel)
    soon(lambda: city.is_paid(order_no))
    assert city.order(order_no)["paid_fen"] == payment["amount_fen"]


def test_a_payment_whose_notice_is_lost_is_found_by_asking(city: City):
    city.behave(lose_notices=True, delay_s=0)
    order_no, _ = begun(city)
    began = time.monotonic()
    soon(lambda: city.is_paid(order_no), within_s=30)
    assert time.monotonic() - began > 1, "no notice came"


def test_garbage_for_a_notice_is_answered_in_the_providers_words(city: City):
    for channel in ("wechat", "alipay"):
        url = f"{city.base_url}/v1/payments/notices/{channel}"
        assert call(url, "POST", b"garbage")[0] in {400, 401}
        assert call(url, "POST", b"x" * 100_000)[0] == 413
    url = f"{city.base_url}/v1/payments/notices/gold"
    assert problem(call(url, "POST", b"{}")) == (404, "payments.channel_unknown")


def test_what_is_not_there_and_what_does_not_go_there_are_problems_too(city: City):
    assert problem(call(f"{city.base_url}/v2")) == (404, "http.not_found")
    assert problem(call(f"{city.base_url}/v1/dues", "DELETE")) == (405, "http.method_not_allowed")
    assert problem(call(f"{city.base_url}/v1/vacancies/1")) == (404, "vacancies.lot_unknown")
    assert problem(call(f"{city.base_url}/v1/orders/1")) == (404, "stays.order_unknown")
