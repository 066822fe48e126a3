"""What alerts and panels name exists, can be read, and has its page."""

import re

import pytest

from onepark.app.cli import live
from tests.architecture.source import ROOT
from tests.deploy.files import PROGRAMS, labels_of, panels, parsed, queries, rules, unknown, used

OPERATIONS = ROOT / "docs" / "operations.md"
HEADING = re.compile(r"^### (\w+)$", re.MULTILINE)
ROW = re.compile(r"^\| `((?:parking|http_server)_\w+)` \| ([^|]*) \|", re.MULTILINE)
PARTS = re.compile(r"_(bucket|sum|count|created)$")
OF_LIBRARIES = ("process_", "python_", "parking_test_")


def shown() -> dict[str, set[str]]:
    """Every metric of ours under the one name that papers give it, with its labels."""
    assert PROGRAMS
    known = labels_of()
    names = {PARTS.sub("", name): labels for name, labels in known.items()}
    return {
        name: labels
        for name, labels in names.items()
        if not name.startswith(OF_LIBRARIES) and f"{name}_total" not in known  # a counter's family
    }


def documented() -> dict[str, set[str]]:
    text = OPERATIONS.read_text(encoding="utf-8")
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(text)}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_names_only_what_is_shown_and_has_its_page(rule):
    assert unknown(rule["expr"]) == []
    assert used(rule["expr"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_every_alert_has_a_heading_and_every_heading_an_alert():
    headings = HEADING.findall(OPERATIONS.read_text(encoding="utf-8"))
    names = [rule["alert"] for rule in rules()]
    assert headings == names
    assert len(set(names)) == len(names)


def test_the_page_says_how_urgent_an_alert_is():
    text = OPERATIONS.read_text(encoding="utf-8")
    for rule in rules():
        after = f", after {rule['for']}" if "for" in rule else ""
        assert f"### {rule['alert']}\n\n*{rule['labels']['severity']}*{after}. " in text


@pytest.mark.parametrize(
    ("alert", "bound"),
    [
        ("DatabaseDown", live.REFRESH_LATE_S),
        ("MeasuringStopped", live.MEASURE_LATE_S),
        ("FactWaits", live.FACT_LATE_S),
        ("NoticeWaits", live.FACT_LATE_S),
        ("PaymentUnknown", live.PAYMENT_UNKNOWN_S),
        ("DeviceSilent", live.DEVICE_SILENT_S),
        ("DeviceClockOff", live.DEVICE_CLOCK_OFF_S),
    ],
)
def test_the_doctor_and_the_rules_call_the_same_thing_wrong(alert, bound):
    [rule] = [rule for rule in rules() if rule["alert"] == alert]
    assert rule["expr"].endswith(f" > {bound:.0f}")


def test_panels_name_only_what_is_shown():
    assert {query: unknown(query) for query in queries() if unknown(query)} == {}
    assert len(queries()) > 30


def test_every_metric_of_ours_is_on_a_panel():
    on_panels = {PARTS.sub("", one.metric) for query in queries() for one in used(query)}
    assert set(shown()) - on_panels == set()


def test_panels_have_numbers_of_their_own_and_lie_beside_each_other():
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_dashboard_is_provisioned_from_where_it_is_put():
    [provider] = parsed("grafana/provisioning/dashboards/onepark.yaml")["providers"]
    volumes = parsed("compose.yaml")["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in volumes
    [source] = parsed("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_every_metric_is_documented_with_its_labels_and_nothing_else_is():
    assert documented() == shown()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("max(parking_made_up) > 0", ["parking_made_up"]),
        ("sum by (pool) (rate(parking_commit_unknown_total[5m]))", []),
        ('parking_occupancy_drift{lot="1"}', ["parking_occupancy_drift{lot}"]),
        ("rate(parking_db_pool_wait_seconds_bucket[1m])", []),
        ("rate(parking_db_pool_wait_seconds_total[1m])", ["parking_db_pool_wait_seconds_total"]),
        ("avg_over_time(parking_gone[5m:1m])", ["parking_gone"]),
    ],
)
def test_a_planted_name_is_found(expression, found):
    assert unknown(expression) == found


@pytest.mark.parametrize("expression", ["sum(", "rate(up)", "up{job=}", "sum by pool (up)"])
def test_an_expression_that_is_none_is_found(expression):
    with pytest.raises(ValueError, match=r"."):
        used(expression)
