"""Endpoints of statements, for staff.

Owns: decoding and encoding.
Never: decides.
"""

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter

from onepark.contexts.settlement.cycles import Statement
from onepark.contexts.settlement.errors import StatementUnknown
from onepark.contexts.settlement.http import NUMBER_MAX, STAFF, TAGS, Limit, PartyNamed, Until
from onepark.contexts.settlement.model import StatementKey
from onepark.contexts.settlement.statements import DetailPage, StatementPage, Statements
from onepark.contexts.settlement.terms import Cycle
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import OperatorId

READ = {"permission": Permission.READ_PAYOUTS}
LINES_MAX = 10_000
STATEMENT = "/v1/settlement/statements/{operator_id:int}/{party:str}/{cycle:str}/{first_day:date}"
CSV = "text/csv; charset=utf-8"

Operator = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="经营单位编号。Whose books.")
]
OneCycle = Annotated[Cycle, PathParameter(description="结算周期。day or month.")]
After = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])\.[0-9]{1,15}$(?!\n)"
        r"|^[0-9]{4}-(0[13-9]|1[0-2])-(29|30)\.[0-9]{1,15}$(?!\n)"
        r"|^[0-9]{4}-(0[13578]|1[02])-31\.[0-9]{1,15}$(?!\n)",
        description="上一页的 next_after。The next_after of the page before.",
    ),
]
Lines = Annotated[int, QueryParameter(ge=1, le=LINES_MAX, description="每页条数。Rows a page.")]


@get(
    "/v1/settlement/statements",
    tags=TAGS,
    summary="结算单列表 Statements",
    description=(
        "每个合作方每个周期一份，新的在前；经营单位只见本单位。"
        "One a party and cycle, newest first; an operator sees its own books."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_statements(
    principal: NamedDependency[Principal],
    statements: NamedDependency[Statements],
    *,
    party: PartyNamed = None,
    until: Until = None,
    limit: Limit = 50,
) -> StatementPage:
    """List statements."""
    return await statements.page(party=party, until=until or date.max, limit=limit, by=principal)


@get(
    STATEMENT,
    tags=TAGS,
    summary="一份结算单 One statement",
    description=(
        "按日、按合同版本列示；迟到记录注明原清分日。其内容逐字节保存，可由账簿重算核对。"
        "By day and version; a late line names the day it was of. Kept byte for byte, and made "
        "anew from the books by `onepark settlement rebuild`."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(StatementUnknown, staff=True),
)
async def show_statement(
    operator_id: Operator,
    party: FromPath[str],
    cycle: OneCycle,
    first_day: FromPath[date],
    *,
    principal: NamedDependency[Principal],
    statements: NamedDependency[Statements],
) -> Statement:
    """Show one statement."""
    key = StatementKey(OperatorId(operator_id), party, cycle, first_day)
    return await statements.show(key, by=principal)


@get(
    STATEMENT + "/export",
    media_type=CSV,
    tags=TAGS,
    summary="结算单导出 A statement as CSV",
    description="结算单各行，CSV（带 BOM 的 UTF-8）。Its lines as CSV in UTF-8 with a mark.",
    opt=READ,
    security=STAFF,
    responses=refusals(StatementUnknown, staff=True),
)
async def export_statement(
    operator_id: Operator,
    party: FromPath[str],
    cycle: OneCycle,
    first_day: FromPath[date],
    *,
    principal: NamedDependency[Principal],
    statements: NamedDependency[Statements],
) -> str:
    """Export one statement."""
    key = StatementKey(OperatorId(operator_id), party, cycle, first_day)
    return await statements.export(key, by=principal)


@get(
    STATEMENT + "/lines",
    tags=TAGS,
    summary="结算单明细 What is behind a statement",
    description=(
        "逐笔列出收款、退款与手续费及分得金额。"
        "Each receipt, refund and fee of the books behind it, and what it gave the party."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(StatementUnknown, staff=True),
)
async def list_lines(  # noqa: PLR0913  the parts of the path
    operator_id: Operator,
    party: FromPath[str],
    cycle: OneCycle,
    first_day: FromPath[date],
    *,
    principal: NamedDependency[Principal],
    statements: NamedDependency[Statements],
    after: After = None,
    limit: Lines = 200,
) -> DetailPage:
    """List what is behind a statement."""
    key = StatementKey(OperatorId(operator_id), party, cycle, first_day)
    return await statements.details(key, after=place(after), limit=limit, by=principal)


@get(
    STATEMENT + "/lines/export",
    media_type=CSV,
    tags=TAGS,
    summary="结算单明细导出 What is behind a statement, as CSV",
    description="逐笔明细，CSV（带 BOM 的 UTF-8）。Each line as CSV in UTF-8 with a mark.",
    opt=READ,
    security=STAFF,
    responses=refusals(StatementUnknown, staff=True),
)
async def export_lines(  # noqa: PLR0913  the parts of the path
    operator_id: Operator,
    party: FromPath[str],
    cycle: OneCycle,
    first_day: FromPath[date],
    *,
    principal: NamedDependency[Principal],
    statements: NamedDependency[Statements],
    after: After = None,
    limit: Lines = LINES_MAX,
) -> str:
    """Export what is behind a statement."""
    key = StatementKey(OperatorId(operator_id), party, cycle, first_day)
    return await statements.export_details(key, after=place(after), limit=limit, by=principal)


def place(after: str | None) -> tuple[date, int] | None:
    """Read where a page ended."""
    if after is None:
        return None
    day, _, number = after.partition(".")
    return date.fromisoformat(day), int(number)


HANDLERS = [list_statements, show_statement, export_statement, list_lines, export_lines]
