"""Plates and a telephone number go everywhere; none is found where it may not be.

Looked at: the logs of all processes, the metrics of both, and every answer that refuses.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.flows.city.served import City, Lot, call, soon

PLATES = ("苏B90817", "苏BD90817", "京AF0917挂", "粤Z9017港", "WJ苏9017X", "沪A9017领")
PHONE = "13809171234"
NOBODY = "nobody"


def forms(canary: str) -> set[str]:
    """A canary as it is, as a URL and as JSON write it, and as Latin-1 misreads it."""
    escaped = json.dumps(canary).strip('"')
    misread = canary.encode().decode("latin-1")
    return {canary, canary.lower(), quote(canary), escaped, misread}


def found(text: str) -> list[str]:
    """The canaries that stand in a text, in whatever form."""
    return [one for one in (*PLATES, PHONE) if any(form in text for form in forms(one))]


def rows(lot: Lot, plate: str) -> list[Any]:
    """Passages that are taken, and passages that are refused for every reason."""
    good = lot.entry.row("entry", plate)
    return [
        good,
        {**good, "plate": "苏B00001"},
        lot.entry.row("exit_request", plate, passage_id=f"id of {plate}"),
        lot.entry.row("entry", plate, lane=plate),
        lot.entry.row("entry", plate, lot=plate),
        lot.entry.row("entry", plate * 5),
        lot.entry.row("entry", plate, ticket=f"{plate}\x07"),
        lot.entry.row("entry", plate, vehicle=plate),
        lot.entry.row("entry", plate, seen_at=plate),
        {"passage_id": plate, "plate": plate},
        plate,
    ]


def refusals(city: City, plate: str) -> Iterator[tuple[int, Any]]:
    """Everything that a client may get wrong with a plate in its hand."""
    lot, url, said = city.lots[0], city.base_url, quote(plate)
    entry = lot.entry
    body = json.dumps({"passages": [entry.row("entry", plate)]}).encode()
    yield call(f"{url}/v1/vacancies/{said}")
    yield call(f"{url}/v1/vacancies/{said}/history?at={said}")
    yield call(f"{url}/v1/lots/{said}/tariff")
    yield call(f"{url}/v1/dues?plate={said}{said}")
    yield call(f"{url}/v1/orders/{said}")
    yield call(f"{url}/{said}?plate={said}")
    yield call(f"{url}/v1/payments", "POST", {"order_no": plate, "channel": plate})
    headers = {"Idempotency-Key": quote(plate)}
    yield call(f"{url}/v1/payments", "POST", {"order_no": plate, "channel": plate}, headers)
    yield call(f"{url}/v1/payments/notices/{said}", "POST", plate.encode())
    yield call(f"{url}/v1/payments/notices/wechat", "POST", plate.encode())
    yield call(f"{url}/v1/tariffs/quote", "POST", {"lot": plate, "entered_at": plate})
    yield call(f"{url}/v1/tariffs/check", "POST", {"plan": {plate: plate}})
    yield call(f"{url}/v1/staff/sessions", "POST", {"login": PHONE, "password": plate * 3})
    yield call(f"{url}/v1/staff/accounts", "POST", {"login": PHONE}, {"Authorization": NOBODY})
    yield entry.send(body, device=plate.encode().decode("latin-1"))
    yield entry.send(json.dumps({"passages": plate}).encode())
    yield entry.send(json.dumps({plate: [plate]}).encode())
    unsigned = {"onepark-device": entry.device, "webhook-id": quote(plate)}
    yield call(f"{url}/v1/gate/passages", "POST", body, unsigned)


@pytest.mark.parametrize("plate", PLATES)
def test_no_refusal_shows_a_canary(city: City, plate: str):
    lot = city.lots[0]
    told = lot.entry.report(*rows(lot, plate))
    outcomes = [one["outcome"] for one in told]
    assert {"accepted", "conflict", "rejected"} == set(outcomes)
    answers = list(refusals(city, plate))
    refused = [told for status, told in answers if status >= 400]
    assert len(refused) >= 16, "some tell what they found wrong in an answer of 200"
    assert [status for status, _ in answers if status >= 500] == []
    assert [told for told in refused if found(str(told))] == []
    lot.exit.pass_by("exit", plate)


def test_every_refusal_and_every_passage_not_taken_has_its_line(city: City):
    lot, key = city.lots[0], "canary-line"
    answer = call(f"{city.base_url}/v1/vacancies/none", headers={"x-request-id": key})
    assert answer[0] == 404
    body = json.dumps({"passages": [lot.entry.row("entry", PLATES[0], lane="none")]}).encode()
    headers = {**lot.entry.signed(body), "x-request-id": key}
    assert call(f"{city.base_url}/v1/gate/passages", "POST", body, headers)[0] == 200
    soon(lambda: city.log("serve").count(key) == 2)
    lines = [json.loads(line) for line in city.log("serve").splitlines() if key in line]
    assert [(one["event"], one["code"]) for one in lines] == [
        ("http.refused", "vacancies.lot_unknown"),
        ("gate.passage_refused", "gate.foreign_lane"),
    ]
    assert (lines[0]["status"], lines[0]["route"]) == (404, "/v1/vacancies/{lot}")
    assert lines[1]["device"] == lot.entry.device


def test_neither_logs_nor_metrics_hold_a_canary(city: City):
    for plate in PLATES:
        list(refusals(city, plate))
        city.lots[0].entry.report(*rows(city.lots[0], plate))
    logs = {name: city.log(name) for name in ("serve", "work", "load")}
    pages = (f"{city.base_url}/metrics", city.demo["work_metrics_url"])
    metrics = {url: call(url)[1].decode() for url in pages}
    assert {name: found(text) for name, text in (logs | metrics).items() if found(text)} == {}
    assert logs["serve"].count('"http.refused"') > 50, "the lines were looked at"


@pytest.mark.parametrize("canary", [*PLATES, PHONE])
def test_a_planted_canary_is_found_in_every_form(canary: str):
    for form in forms(canary):
        assert found(f'{{"text":"seen {form} there"}}') == [canary]
