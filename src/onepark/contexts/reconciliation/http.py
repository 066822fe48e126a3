"""Endpoints of staff who look at differences between the books.

Owns: nothing but the way from a request to the desk.
Never: decides.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from onepark.contexts.reconciliation.desk import (
    NUMBER_MAX,
    DaysAsked,
    DifferencesAsked,
    ReconciliationDesk,
    StatementAsked,
)
from onepark.contexts.reconciliation.errors import (
    BillRefused,
    DifferenceClosed,
    DifferenceUnknown,
    QueryInvalid,
    ResolutionMisplaced,
)
from onepark.contexts.reconciliation.model import (
    DayPage,
    DifferencePage,
    Settled,
    Settling,
    StatementKept,
)
from onepark.infra.openapi import refusals
from onepark.infra.query import decode_query
from onepark.kernel.staff import Permission, Principal

TAGS = ["reconciliation 对账"]
STATEMENT_BYTES_MAX = 8_388_608

Number = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="差异编号。The difference's number.")
]


@get(
    "/v1/reconciliation/days",
    tags=TAGS,
    summary="各渠道每日账单 The bills of days",
    description=(
        "各渠道每日账单的状态、校验结果与合计；仅市级可见。"
        "How far the bill of each channel and day is, why it was refused, and what it adds up to; "
        "the city's alone."
    ),
    opt={"query": DaysAsked, "permission": Permission.READ_RECONCILIATION},
    security=[{"staff": []}],
    responses=refusals(QueryInvalid, staff=True),
)
async def list_days(
    request: Request[Any, Any, Any],
    principal: NamedDependency[Principal],
    reconciliation_desk: NamedDependency[ReconciliationDesk],
) -> DayPage:
    """Show the bills of a span of days."""
    asked = decode_query(request.scope["query_string"], DaysAsked, invalid=QueryInvalid)
    return await reconciliation_desk.days(asked, by=principal)


@get(
    "/v1/reconciliation/differences",
    tags=TAGS,
    summary="对账差异 Differences between the books",
    description=(
        "平台账、渠道交易账单与资金流水三方核对的差异：长款、短款、金额、手续费、币种、状态不符、"
        "重复支付、资金不符；含责任方、账龄与处理结果。经营单位只见本单位。"
        "What our books, the providers' bills and the accounts differ about, each with its class, "
        "owner, age and end. An operator sees its own."
    ),
    opt={"query": DifferencesAsked, "permission": Permission.READ_RECONCILIATION},
    security=[{"staff": []}],
    responses=refusals(QueryInvalid, staff=True),
)
async def list_differences(
    request: Request[Any, Any, Any],
    principal: NamedDependency[Principal],
    reconciliation_desk: NamedDependency[ReconciliationDesk],
) -> DifferencePage:
    """List differences, oldest first."""
    asked = decode_query(request.scope["query_string"], DifferencesAsked, invalid=QueryInvalid)
    return await reconciliation_desk.differences(asked, by=principal)


@post(
    "/v1/reconciliation/differences/{difference_id:int}/settlements",
    status_code=200,
    tags=TAGS,
    summary="处理对账差异 End a difference",
    description=(
        "说明理由并记入审计；只可处理一次，不改动任何金额。"
        "Say how it ended and why. It ends once, goes into the audit trail, and moves no money."
    ),
    opt={"permission": Permission.SETTLE_RECONCILIATION},
    security=[{"staff": []}],
    responses=refusals(DifferenceUnknown, DifferenceClosed, ResolutionMisplaced, staff=True),
)
async def settle_difference(
    principal: NamedDependency[Principal],
    data: JSONBody[Settling],
    reconciliation_desk: NamedDependency[ReconciliationDesk],
    *,
    difference_id: Number,
) -> Settled:
    """End a difference."""
    return await reconciliation_desk.settle(difference_id, data, by=principal)


@post(
    "/v1/reconciliation/statements",
    status_code=200,
    tags=TAGS,
    summary="上传银行对账单 Upload a bank statement",
    description=(
        "请求体为银行对账单原文：camt053 为 ISO 20022 XML，csv 按已配置的列。"
        "余额与明细不符则整份拒收；原文保存且不可更改。"
        "The body is the bank's own file: ISO 20022 XML, or CSV with the columns that the platform "
        "was told of. One that does not add up is refused whole; what is kept never changes."
    ),
    opt={
        "query": StatementAsked,
        "body_raw": True,
        "permission": Permission.SETTLE_RECONCILIATION,
    },
    security=[{"staff": []}],
    request_max_body_size=STATEMENT_BYTES_MAX,
    responses=refusals(QueryInvalid, BillRefused, staff=True),
)
async def take_statement(
    request: Request[Any, Any, Any],
    principal: NamedDependency[Principal],
    reconciliation_desk: NamedDependency[ReconciliationDesk],
) -> StatementKept:
    """Keep a bank statement."""
    asked = decode_query(request.scope["query_string"], StatementAsked, invalid=QueryInvalid)
    return await reconciliation_desk.take_statement(asked.form, await request.body(), by=principal)


HANDLERS = [list_days, list_differences, settle_difference, take_statement]
