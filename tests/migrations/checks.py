"""The proofs in migrations/checks: read, and run as a transaction that leaves nothing behind."""

import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from onepark.infra.migrations import directory

PROVES = re.compile(r"^-- proves: (CONSTRAINT|INDEX|POLICY|TRIGGER) ([\w.]+)$", re.MULTILINE)
DROPS = {
    "CONSTRAINT": "ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE",
    "INDEX": "DROP INDEX {table}.{name}",
    "POLICY": "DROP POLICY {name} ON {table}",
    "TRIGGER": "DROP TRIGGER {name} ON {table}",
}


@dataclass(frozen=True)
class Proof:
    """One block, one thing that it proves, and what has to run before it."""

    kind: str
    thing: str
    preamble: str
    block: str

    @property
    def drop(self) -> str:
        table, _, name = self.thing.rpartition(".")
        return DROPS[self.kind].format(table=table, name=name)


def proofs() -> list[Proof]:
    return [proof for file in sorted(checks().glob("*.sql")) for proof in proofs_of(file)]


def checks() -> Path:
    return directory() / "checks"


def proofs_of(file: Path) -> list[Proof]:
    """Read a file; proofs that stand together share the block that follows them."""
    text = file.read_text()
    marks = list(PROVES.finditer(text))
    assert marks, f"{file.name} proves nothing"
    preamble, found, waiting = text[: marks[0].start()], [], []
    for mark, end in zip(marks, [*(m.start() for m in marks[1:]), len(text)], strict=True):
        waiting.append(mark)
        block = text[mark.end() : end].strip()
        if block:
            found += [Proof(m[1], m[2], preamble, block) for m in waiting]
            waiting = []
    assert not waiting, f"{file.name} ends without a block"
    return found


async def outcome(connection: asyncpg.Connection, proof: Proof, *, dropped: bool) -> str:
    """Return "" when the database refused what it must, else what the block complained of."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if dropped:
            await connection.execute(proof.drop)
        if proof.preamble.strip():
            await connection.execute(proof.preamble)
        await connection.execute(proof.block)
    except asyncpg.RaiseError as complaint:
        return str(complaint)
    finally:
        await transaction.rollback()
    return ""
