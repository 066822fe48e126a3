"""A rule is a function of a case and a time: it never awaits, asks a clock or reaches out."""

import ast
from pathlib import Path

from tests.architecture.source import SRC, Module, modules

WAITING = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
CLOCK_CALLS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}
OUTSIDE = {
    *("asyncio", "asyncpg", "redis", "aiohttp", "litestar", "granian", "structlog", "logging"),
    *("os", "io", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time"),
}


def rules(base: Path = SRC) -> list[Module]:
    return [module for module in modules(base) if module.path.stem == "rules"]


def impurities(module: Module) -> list[str]:
    return [
        f"{module.name}:{getattr(node, 'lineno', 0)}: {what}"
        for node in ast.walk(module.tree)
        if (what := impurity(node))
    ]


def impurity(node: ast.AST) -> str:
    if isinstance(node, WAITING):
        return "awaits"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return "reads a clock" if node.func.attr in CLOCK_CALLS else ""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""] + [f"{node.module}.{alias.name}" for alias in node.names]
    return next((f"imports {name}" for name in names if reaches_out(name)), "")


def reaches_out(name: str) -> bool:
    return name.partition(".")[0] in OUTSIDE or f"{name}.".startswith("onepark.infra.")


def test_rules_are_pure():
    assert [what for module in rules() for what in impurities(module)] == []
    assert rules(), "the tree was read"


def test_planted_impurities_are_found(tmp_path):
    path = tmp_path / "onepark" / "contexts" / "stays" / "rules.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "from datetime import datetime, time\n"
        "from onepark import infra\n"
        "async def decide():\n"
        "    await load()\n"
        "    return datetime.now()\n"
        "import random\n"
    )
    (module,) = rules(tmp_path)
    assert sorted(what.partition(": ")[2] for what in impurities(module)) == [
        "awaits",
        "awaits",
        "imports onepark.infra",
        "imports random",
        "reads a clock",
    ]
