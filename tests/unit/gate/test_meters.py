"""What is counted of a request of passages, and what is logged of those that were not taken."""

from datetime import timedelta

from onepark.contexts.gate import meters
from onepark.contexts.gate.model import NO_DECISION, PassageResult, Rejection
from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import Kind, Outcome
from onepark.infra.metrics import REGISTRY
from onepark.kernel.types import DeviceId, LotId, OperatorId
from tests.builders import EIGHT, a_passage
from tests.fakes.log import kept_log, written

DEVICE = Device(DeviceId("cam"), LotId(42), OperatorId(7), frozenset(), ())


def a_result(outcome: Outcome, reason: str, passage_id: str = "p1") -> PassageResult:
    return PassageResult(passage_id, outcome, NO_DECISION, reason=reason)


def events(kind: str, outcome: str) -> float:
    labels = {"type": kind, "outcome": outcome}
    return REGISTRY.get_sample_value("parking_gate_events_total", labels) or 0.0


def lag(part: str) -> float:
    return REGISTRY.get_sample_value(f"parking_gate_event_lag_seconds_{part}") or 0.0


def test_passages_are_counted_by_kind_and_outcome():
    before = events("entry", "accepted"), events("unknown", "rejected"), events("exit", "duplicate")
    refused = Rejection("gate.foreign_lane", "")
    checked = (a_passage(), a_passage(), refused, a_passage(Kind.EXIT))
    told = [
        PassageResult("p1", Outcome.ACCEPTED, NO_DECISION),
        PassageResult("p2", Outcome.ACCEPTED, NO_DECISION),
        a_result(Outcome.REJECTED, "gate.foreign_lane"),
        PassageResult("p4", Outcome.DUPLICATE, NO_DECISION),
    ]
    meters.passages(DEVICE, checked, told)
    after = events("entry", "accepted"), events("unknown", "rejected"), events("exit", "duplicate")
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1]


def test_the_lag_of_a_request_is_that_of_its_oldest_passage():
    count, total = lag("count"), lag("sum")
    late = a_passage(received_at=EIGHT + timedelta(hours=1))
    told = [PassageResult("p", Outcome.ACCEPTED, NO_DECISION)] * 2
    meters.passages(DEVICE, [a_passage(), late], told)
    assert (lag("count") - count, lag("sum") - total) == (1, 3_600)


def test_a_device_whose_clock_is_ahead_has_no_lag_below_zero():
    total = lag("sum")
    told = [PassageResult("p", Outcome.ACCEPTED, NO_DECISION)]
    meters.passages(DEVICE, [a_passage(received_at=EIGHT - timedelta(minutes=4))], told)
    assert lag("sum") == total


def test_each_passage_that_was_not_taken_has_a_line_and_none_has_a_plate():
    told = [
        a_result(Outcome.REJECTED, "gate.foreign_lane", "entry-苏B12345"),
        a_result(Outcome.CONFLICT, "stays.passage_id_reused", "p2"),
        PassageResult("p3", Outcome.ACCEPTED, NO_DECISION),
    ]
    with kept_log() as out:
        meters.passages(DEVICE, [Rejection("", ""), a_passage(), a_passage()], told)
    lines = [(one["event"], one["code"], one["outcome"], one["device"]) for one in written(out)]
    assert lines == [
        ("gate.passage_refused", "gate.foreign_lane", "rejected", "cam"),
        ("gate.passage_refused", "stays.passage_id_reused", "conflict", "cam"),
    ]
    assert written(out)[0]["passage_id"] == "entry-‹plate›"
