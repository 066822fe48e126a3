"""The trail tells an auditor everything and an operator what touched its own rows."""

# mypy: disable-error-code="arg-type"

from datetime import timedelta

import asyncpg
import pytest

from onepark.contexts.access.model import AuditQuery
from onepark.contexts.access.service import Audit
from onepark.kernel.staff import Change, Principal, StaffRole
from tests.archive import NOON

AUDITOR = Principal(1, "auditor", StaffRole.AUDITOR, None)
BOSS = Principal(2, "boss", StaffRole.OPERATOR_ADMIN, 3)
NEWEST = 2**63 - 1


@pytest.fixture
async def written(service_db) -> None:
    lines = [
        ("mayor", "access.account_created", "account li", None),
        ("li", "tariffs.published", "plan 1", 3),
        ("wang", "tariffs.published", "plan 2", 4),
        ("li", "stays.confirmed", "stay 1", 3),
        ("li", "access.password_changed", "account li", 3),
    ]
    for number, (actor, action, subject, operator_id) in enumerate(lines):
        async with service_db.transaction() as tx:
            change = Change(actor, action, subject, operator_id, None, {"number": number})
            await Audit().append(tx, [change], at=NOON + timedelta(hours=number))


@pytest.fixture
def numbers(crew, written):
    """The numbers of the lines that somebody finds, newest first."""

    async def read(by: Principal = AUDITOR, **wanted: object) -> list[int]:
        page = await crew.staff.trail.page(AuditQuery(**wanted), by=by)
        assert page.next_before is None
        return [entry.after["number"] for entry in page.entries]

    return read


async def test_an_auditor_reads_all_and_an_operator_its_own(numbers):
    assert await numbers() == [4, 3, 2, 1, 0]
    assert await numbers(BOSS) == [4, 3, 1]
    assert await numbers(BOSS, operator_id=4) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"actor": "li"}, [4, 3, 1]),
        ({"action": "tariffs.published"}, [2, 1]),
        ({"action": "access."}, [4, 0]),
        ({"action": "access.account"}, []),
        ({"subject": "account li"}, [4, 0]),
        ({"operator_id": 4}, [2]),
        ({"since": NOON + timedelta(hours=3)}, [4, 3]),
        ({"until": NOON + timedelta(hours=3)}, [2, 1, 0]),
        ({"actor": "li", "action": "tariffs.", "operator_id": 3}, [1]),
        ({"actor": "%"}, []),
    ],
)
async def test_lines_are_found_by_who_what_whose_and_when(numbers, wanted, found):
    assert await numbers(**wanted) == found


async def test_a_trail_is_read_page_by_page_also_while_it_grows(crew, written, service_db):
    seen: list[int] = []
    before: int | None = NEWEST
    while before is not None:
        page = await crew.staff.trail.page(AuditQuery(before=before, limit=2), by=AUDITOR)
        seen += [entry.after["number"] for entry in page.entries]
        before = page.next_before
        async with service_db.transaction() as tx:
            change = Change("late", "stays.confirmed", "stay 9", 3, None, {"number": 9})
            await Audit().append(tx, [change], at=NOON)
    assert seen == [4, 3, 2, 1, 0]


async def test_a_change_that_is_rolled_back_leaves_no_line(crew, service_db):
    async def change_and_fail() -> None:
        async with service_db.transaction() as tx:
            await Audit().append(tx, [Change("li", "a.b", "lost", None)], at=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    page = await crew.staff.trail.page(AuditQuery(), by=AUDITOR)
    assert page.entries == ()


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}", "TRUNCATE {}"]
)
async def test_nobody_rewrites_the_trail_not_even_its_owner(written, database_url, statement):
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement.format("access.audit"))
    await connection.close()
