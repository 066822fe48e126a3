"""Imports point down and never along a row; nothing is caught in a cycle."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.source import SRC, imports

ROWS = """
    onepark _native
    kernel
    infra
    access registry calendar
    tariffs ledger
    membership sharing emergency
    stays
    payments vacancies
    gate
    settlement invoices reconciliation webhooks
    supervision.quality supervision.devices supervision.violations
    supervision.credit supervision.grading supervision.dispatch opendata
    integrations web simulator
    app
"""
RANK = {unit: rank for rank, row in enumerate(ROWS.strip().splitlines()) for unit in row.split()}
PRIVATE = re.compile(r"[._]store$|[._]http$|\.jobs$")  # shown to nobody but the wiring


def unit_of(module: str) -> str:
    """The room of a module: a context, or a top-level package."""
    parts = module.removeprefix("onepark.").split(".")
    if parts[0] != "contexts":
        return parts[0]
    deep = 3 if parts[1:2] == ["supervision"] else 2
    return ".".join(parts[1:deep]) or "onepark"


def upward(base: Path = SRC) -> list[str]:
    return [
        f"{source} -> {target}"
        for source, target in imports(base)
        if unit_of(source) != unit_of(target) and RANK[unit_of(source)] <= RANK[unit_of(target)]
    ]


def beyond_the_public_api(base: Path = SRC) -> list[str]:
    return [
        f"{source} -> {target}"
        for source, target in imports(base)
        if unit_of(source) == "simulator"
        and unit_of(target) not in {"simulator", "kernel", "infra"}
    ]


def into_private_files(base: Path = SRC) -> list[str]:
    return [
        f"{source} -> {target}"
        for source, target in imports(base)
        if ".contexts." in target
        and PRIVATE.search(target)
        and unit_of(source) not in {unit_of(target), "app"}
    ]


def cycle(pairs: list[tuple[str, str]]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for source, target in pairs:
        graph.setdefault(source, set()).add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def plant(base: Path, **files: str) -> Path:
    """A tree with one module a keyword; two underscores stand for a slash."""
    for name, text in files.items():
        path = base / "onepark" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return base


def test_every_room_has_a_rank():
    rooms = {unit_of(module) for pair in imports() for module in pair}
    assert rooms - set(RANK) == set()
    assert len(rooms) > 3, "the tree was read"


def test_imports_point_down():
    assert upward() == []


def test_the_simulated_city_knows_only_the_public_api():
    assert beyond_the_public_api() == []


def test_a_context_shows_neither_its_sql_nor_its_handlers_nor_its_jobs():
    assert into_private_files() == []


def test_no_module_is_caught_in_a_cycle():
    assert cycle(imports()) == []


def test_no_room_is_caught_in_a_cycle():
    rooms = [(unit_of(source), unit_of(target)) for source, target in imports()]
    assert cycle([(source, target) for source, target in rooms if source != target]) == []


def test_a_planted_import_is_found_however_it_is_written(tmp_path):
    plant(
        tmp_path,
        app__wiring="",
        contexts__stays__rules="",
        contexts__payments__model="",
        contexts__vacancies__model="from onepark.contexts.payments.model import Attempt\n",
        kernel__types="def late():\n    from onepark.app import wiring\n",
        kernel__spans="import typing\nif typing.TYPE_CHECKING:\n    import onepark.app.wiring\n",
        infra__db="from ..contexts.stays import rules\n",
        infra__redis="import importlib\nimportlib.import_module('onepark.contexts.stays.rules')\n",
        simulator__city="import onepark.contexts.stays.rules\n",
    )
    assert upward(tmp_path) == [
        "onepark.contexts.vacancies.model -> onepark.contexts.payments.model",
        "onepark.infra.db -> onepark.contexts.stays.rules",
        "onepark.infra.redis -> onepark.contexts.stays.rules",
        "onepark.kernel.spans -> onepark.app.wiring",
        "onepark.kernel.types -> onepark.app.wiring",
    ]
    assert beyond_the_public_api(tmp_path) == [
        "onepark.simulator.city -> onepark.contexts.stays.rules"
    ]


def test_a_planted_look_into_another_context_is_found(tmp_path):
    plant(
        tmp_path,
        contexts__stays__store="",
        contexts__stays__service="from onepark.contexts.stays import store\n",
        contexts__gate__service="from onepark.contexts.stays import store\n",
        app__wiring="from onepark.contexts.stays import store\n",
    )
    assert into_private_files(tmp_path) == [
        "onepark.contexts.gate.service -> onepark.contexts.stays.store"
    ]


def test_a_planted_cycle_is_found(tmp_path):
    plant(
        tmp_path,
        kernel__one="from onepark.kernel import two\n",
        kernel__two="def late():\n    import onepark.kernel.one\n",
    )
    assert set(cycle(imports(tmp_path))) == {"onepark.kernel.one", "onepark.kernel.two"}
