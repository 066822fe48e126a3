"""How the tests of this folder read deploy/."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import promql_parser
import yaml

from onepark.app.cli import serve, work
from onepark.infra.metrics import REGISTRY
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
PROGRAMS = (serve, work)  # loaded, they have made every metric that the platform has
OF_PROMETHEUS = {"up", "ALERTS"}
OF_A_SCRAPE = {"job", "instance", "alertname", "alertstate", "le"}
GIVEN = re.compile(r"\$\$|\$\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}")


class Unset(Exception):
    """A variable that must be given was not."""


class Used(NamedTuple):
    """A metric that an expression reads, and the labels by which it chooses."""

    metric: str
    labels: frozenset[str]


def parsed(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in parsed("prometheus/alerts.yml")["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    file = DEPLOY / "grafana/dashboards/onepark.json"
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> list[str]:
    """Every expression of the dashboard, as Grafana would send it."""
    asked = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    return [expression.replace("$__rate_interval", "1m") for expression in asked]


def used(expression: str) -> set[Used]:
    """What an expression reads; ValueError for one that is none."""
    found: set[Used] = set()

    def visit(node: Any) -> bool:
        node = getattr(node, "vector_selector", node)
        if isinstance(node, promql_parser.VectorSelector):
            labels = frozenset(one.name for one in node.matchers.matchers)
            found.add(Used(str(node.name), labels))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def labels_of() -> dict[str, set[str]]:
    """Every name that a scrape may show, with its labels."""
    return {
        name: set(getattr(collector, "_labelnames", getattr(collector, "_labels", ())))
        for name, collector in REGISTRY._names_to_collectors.items()
    }


def unknown(expression: str) -> list[str]:
    """What an expression names and no scrape shows."""
    known = labels_of()
    wrong = []
    for metric, labels in used(expression):
        if metric in OF_PROMETHEUS:
            continue
        if metric not in known:
            wrong.append(metric)
        else:
            wrong += [f"{metric}{{{one}}}" for one in labels - known[metric] - OF_A_SCRAPE]
    return sorted(wrong)


def given(text: str, env: Mapping[str, str]) -> str:
    """A text of compose.yaml with its variables filled in, as Compose does it."""

    def fill(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        value = env.get(match["name"], "")
        if not value and match["how"] == ":?":
            raise Unset(match["name"])
        return value or (match["rest"] if match["how"] == ":-" else "") or ""

    return GIVEN.sub(fill, text)


def texts(value: Any) -> Iterator[str]:
    """Every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def example() -> dict[str, str]:
    """The variables of .env.example, also those that are commented out."""
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = (re.fullmatch(r"(?:# )?([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines)
    return {pair[1]: pair[2] for pair in pairs if pair}


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = parsed("compose.yaml")["services"]
    return found


def environment(service: str, env: Mapping[str, str]) -> dict[str, str]:
    """What a service is told."""
    told = services()[service].get("environment", {})
    return {name: given(str(value), env) for name, value in told.items()}
