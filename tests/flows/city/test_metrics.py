"""What a scrape of a served city tells: the API counts as it goes, the worker reads the city."""

from prometheus_client.parser import text_string_to_metric_families

from tests.flows.city.served import City, a_plate, call, soon

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(url: str) -> Samples:
    status, page = call(url)
    assert status == 200
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(page.decode())
        for one in family.samples
    }


def api(city: City, name: str, **labels: str) -> float:
    return scraped(f"{city.base_url}/metrics").get((name, frozenset(labels.items())), 0.0)


def worker(city: City, name: str, **labels: str) -> float | None:
    return scraped(city.demo["work_metrics_url"]).get((name, frozenset(labels.items())))


def test_a_car_that_comes_in_is_counted_by_the_api_and_read_by_the_worker(city: City):
    lot, plate = city.priced_lot(), a_plate()
    entries = {"type": "entry", "outcome": "accepted"}
    before = api(city, "parking_gate_events_total", **entries)
    begun = api(city, "parking_orders_total", state="open")
    lot.admit(plate)
    assert api(city, "parking_gate_events_total", **entries) == before + 1
    assert api(city, "parking_orders_total", state="open") == begun + 1
    soon(lambda: (worker(city, "parking_sessions_open", pool="short_stay") or 0) > 0, within_s=40)
    assert worker(city, "parking_occupancy_drift", pool="short_stay") == 0
    lot.exit.pass_by("exit", plate)


def test_a_payment_is_counted_from_its_notice_to_its_order(city: City):
    lot, plate = city.priced_lot(), a_plate()
    stored = {"provider": "wechat", "result": "stored"}
    before = api(city, "parking_payment_callbacks_total", **stored)
    paid = api(city, "parking_orders_total", state="paid")
    order_no = lot.admit(plate)["order_no"]
    city.pay(order_no, "wechat")
    soon(lambda: city.is_paid(order_no))
    soon(lambda: api(city, "parking_payment_callbacks_total", **stored) > before)
    soon(lambda: api(city, "parking_orders_total", state="paid") > paid)  # others pay as well
    lot.exit.pass_by("exit", plate)


def test_both_processes_show_the_same_metrics_and_neither_shows_a_car(city: City):
    lot, plate = city.lots[0], a_plate()
    lot.admit(plate)
    pages = [call(f"{city.base_url}/metrics")[1], call(city.demo["work_metrics_url"])[1]]
    for page in pages:
        assert b"# TYPE parking_gate_events_total counter" in page
        assert b"# TYPE parking_sessions_open gauge" in page
        assert plate.encode() not in page
    lot.exit.pass_by("exit", plate)
