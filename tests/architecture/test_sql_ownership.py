"""A store touches its own tables and others' public views; nobody else speaks SQL."""

import re
from pathlib import Path

from tests.architecture.source import SRC, Module, modules, strings

TABLE = re.compile(
    r"\b(FROM|JOIN|INTO|UPDATE|USING|TABLE|TRUNCATE)\s+(?:ONLY\s+|LATERAL\s+)?(\w+)\.(\w+)\b(?!\s*\()",
    re.IGNORECASE,
)
STATEMENT = re.compile(
    r"\bSELECT\s+\S+.*\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b"
    r"|\bWITH\s+\w+\s+AS\s*\(",
    re.DOTALL,
)


def contexts(base: Path) -> list[Module]:
    return [module for module in modules(base) if ".contexts." in module.name]


def is_store(module: Module) -> bool:
    """A long store is cut by noun: `order_store.py` stands beside `store.py`."""
    return module.path.stem == "store" or module.path.stem.endswith("_store")


def foreign_tables(base: Path = SRC) -> list[str]:
    return [
        f"{module.package.rpartition('.')[2]}: {verb.upper()} {schema}.{table}"
        for module in contexts(base)
        if is_store(module)
        for text in strings(module)
        for verb, schema, table in TABLE.findall(text)
        if schema != module.path.parent.name
        and not (verb.upper() in {"FROM", "JOIN"} and table.startswith("pub_"))
    ]


def sql_outside_a_store(base: Path = SRC) -> list[str]:
    return [
        f"{module.name}: {' '.join(text.split())[:60]}"
        for module in contexts(base)
        if not is_store(module)
        for text in strings(module)
        if STATEMENT.search(text)
    ]


def plant(base: Path, file: str, text: str) -> None:
    path = base / "onepark" / "contexts" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_store_touches_its_own_tables_and_others_public_views():
    assert foreign_tables() == []


def test_only_a_store_holds_sql():
    assert sql_outside_a_store() == []


def test_planted_foreign_tables_are_found(tmp_path):
    plant(
        tmp_path,
        "stays/store.py",
        '"""Reads FROM membership.pass, says this docstring, and that is no statement."""\n'
        'OWN = "SELECT 1 FROM stays.car JOIN registry.pub_lot USING (lot_id)"\n'
        'FROM_IT = "select 1 from membership.pass"\n'
        'JOINED = f"SELECT {1} FROM stays.car\\n  JOIN\\n membership.pass USING (plate)"\n'
        'WRITTEN = "INSERT INTO registry.pub_lot VALUES (1)"\n'
        'CHANGED = "UPDATE ONLY payments.attempt SET state = 1"\n'
        'CALLED = "SELECT 1 FROM access.current_operator_id()"\n',
    )
    assert sorted(foreign_tables(tmp_path)) == [
        "stays: FROM membership.pass",
        "stays: INTO registry.pub_lot",
        "stays: JOIN membership.pass",
        "stays: UPDATE payments.attempt",
    ]


def test_planted_sql_in_a_service_is_found(tmp_path):
    plant(tmp_path, "stays/service.py", 'COUNT = "SELECT count(*)\\n FROM stays.stay"\n')
    plant(tmp_path, "stays/http.py", 'SORRY = "Select a lot from the list"\n')
    assert sql_outside_a_store(tmp_path) == [
        "onepark.contexts.stays.service: SELECT count(*) FROM stays.stay"
    ]
