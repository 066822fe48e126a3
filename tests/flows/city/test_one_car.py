"""One car goes all the way: real processes, real servers, nothing in-process."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.city.served import City, a_plate, call, soon


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_a_car_comes_is_counted_pays_is_let_out_and_is_counted_again(city: City, channel: str):
    lot, plate = city.priced_lot(), a_plate()
    free = lot.free()
    entry = lot.admit(plate)
    assert entry["outcome"] == "accepted"
    lot.free_becomes(free - 1)

    asked = lot.exit.pass_by("exit_request", plate)
    assert asked["decision"]["type"] == "pay"
    assert asked["due_fen"] == sum(line["amount_fen"] for line in asked["lines"]) > 0

    [due] = city.dues(plate)
    assert set(due) == {"order_no", "due_fen", "lot", "lot_name", "entered_at_masked"}
    assert (due["order_no"], due["due_fen"]) == (asked["order_no"], asked["due_fen"])

    status, payment = city.pay(asked["order_no"], channel)
    assert status == 201
    assert payment["amount_fen"] == asked["due_fen"]
    soon(lambda: city.is_paid(asked["order_no"]))
    assert city.trade(payment["payment_no"])["amount_fen"] == asked["due_fen"]

    [command] = lot.exit.commands_for(plate, within_s=10)
    assert (command["kind"], command["lane"], command["plate"]) == ("open", lot.exit.lane, plate)
    assert command["passage_id"] == asked["passage_id"]
    assert lot.exit.acknowledge(command["command_id"]) == "accepted"
    assert lot.exit.acknowledge(command["command_id"]) == "duplicate"
    assert lot.exit.commands_for(plate) == []

    assert lot.exit.pass_by("exit", plate)["outcome"] == "accepted"
    lot.free_becomes(free)
    order = city.order(asked["order_no"])
    assert (order["state"], order["due_fen"]) == ("paid", 0)
    assert order["paid_fen"] == asked["due_fen"]
    assert city.dues(plate) == []


def test_a_paid_car_that_asks_again_is_let_out_at_once(city: City):
    lot, plate = city.priced_lot(), a_plate()
    order_no = lot.admit(plate)["order_no"]
    assert city.pay(order_no, "wechat")[0] == 201
    soon(lambda: city.is_paid(order_no))
    decision = lot.exit.pass_by("exit_request", plate)["decision"]
    assert (decision["type"], decision["reason"]) == ("open", "paid")
    lot.exit.pass_by("exit", plate)


def test_no_lane_opens_for_a_car_that_only_paid_from_afar(city: City):
    lot, plate = city.priced_lot(), a_plate()
    order_no = lot.admit(plate)["order_no"]
    city.pay(order_no, "alipay")
    soon(lambda: city.is_paid(order_no))
    assert lot.exit.commands_for(plate, within_s=1) == []
    lot.exit.pass_by("exit", plate)


def test_a_long_poll_hears_of_a_payment_while_it_waits(city: City):
    lot, plate = city.priced_lot(), a_plate()
    lot.admit(plate)
    asked = lot.exit.pass_by("exit_request", plate)
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(lot.exit.commands_for, plate, within_s=20)
        city.pay(asked["order_no"], "wechat")
        [command] = poll.result(15)
    assert command["order_no"] == asked["order_no"]
    lot.exit.acknowledge(command["command_id"])
    lot.exit.pass_by("exit", plate)


def test_a_repeat_gets_the_first_answer_and_another_body_is_a_conflict(city: City):
    lot, plate = city.lots[0], a_plate()
    free = lot.free()
    row = lot.entry.row("entry", plate)
    first, again = lot.entry.report(row)[0], lot.entry.report(row)[0]
    assert (first["outcome"], again["outcome"]) == ("accepted", "duplicate")
    assert {**first, "outcome": ""} == {**again, "outcome": ""}
    other = lot.entry.report({**row, "plate": a_plate()})[0]
    assert (other["outcome"], other["reason"]) == ("conflict", "stays.passage_id_reused")
    lot.free_becomes(free - 1)
    lot.exit.pass_by("exit", plate)


def test_a_gate_that_was_offline_sends_a_thousand_passages_at_once(city: City):
    lot = city.lots[1]
    free = lot.free()
    came_at = datetime.now(UTC) - timedelta(hours=30)
    plates = [a_plate() for _ in range(500)]
    rows = [lot.entry.row("entry", plate, seen_at=came_at.isoformat()) for plate in plates]
    left_at = (came_at + timedelta(minutes=20)).isoformat()
    told = lot.entry.report(*rows)
    assert {one["outcome"] for one in told} == {"accepted"}
    assert {one["decision"]["type"] for one in told} == {"none"}, "nobody waits there any more"
    told = lot.exit.report(*(lot.exit.row("exit", plate, seen_at=left_at) for plate in plates))
    assert [one["outcome"] for one in told] == ["accepted"] * 500
    lot.free_becomes(free)


def test_a_car_without_an_entry_is_held_and_kept(city: City):
    lot, plate = city.lots[2], a_plate()
    free = lot.free()
    asked = lot.exit.pass_by("exit_request", plate)
    assert asked["decision"] == {"type": "hold", "reason": "entry_missing"}
    gone = lot.exit.pass_by("exit", plate)
    assert (gone["outcome"], gone["decision"]["type"]) == ("accepted", "hold")
    assert lot.free() == free


def test_neighbours_find_the_lot_and_a_listener_hears_of_every_change(city: City):
    lot = city.lots[3]
    place = next(one for one in city.demo["lots"] if one["lot"] == lot.code)
    url = f"{city.base_url}/v1/vacancies?lat={place['lat']}&lon={place['lon']}&radius_m=500"
    status, told = call(url)
    assert status == 200
    assert told["vacancies"][0]["lot"] == lot.code
    assert told["vacancies"][0]["distance_m"] <= 1


def test_the_five_probes_and_pages_answer(city: City):
    assert call(f"{city.base_url}/livez") == (200, {"alive": True})
    status, ready = call(f"{city.base_url}/readyz")
    assert (status, ready["ready"], ready["counts"]) == (200, True, "live")
    status, metrics = call(f"{city.base_url}/metrics")
    assert (status, b"http_server_request_duration_seconds" in metrics) == (200, True)
    status, document = call(f"{city.base_url}/schema/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert call(f"{city.base_url}/schema")[0] == 200


def test_no_log_holds_a_whole_plate(city: City):
    plate = a_plate()
    lot = city.priced_lot()
    order_no = lot.admit(plate)["order_no"]
    city.pay(order_no, "wechat")
    call(f"{city.base_url}/v1/dues?plate={json.dumps(plate)}")
    lot.exit.pass_by("exit", plate)
    logs = "".join(city.log(name) for name in ("serve", "work"))
    assert plate not in logs
    assert json.dumps(plate).strip('"') not in logs
