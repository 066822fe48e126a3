"""Endpoints of contracts, their parties, days of clearing and tasks, for staff.

Owns: decoding and encoding.
Never: decides.
"""

from datetime import date
from typing import Annotated, Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.settlement.contracts import Contracts
from onepark.contexts.settlement.errors import (
    DatesInvalid,
    LotUnknown,
    OperatorNotNamed,
    PartyUnknown,
    SecondPersonNeeded,
    TaskUnknown,
    TermsInvalid,
    VersionClosed,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.settlement.model import (
    DayPage,
    NewParty,
    NewVersion,
    PartyPage,
    TaskDone,
    TaskPage,
    VersionPage,
    VersionState,
    VersionView,
)
from onepark.contexts.settlement.service import Clearing
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

PAGE_MAX = 200
NUMBER_MAX = 2**53 - 1
TAGS = ["settlement 清分结算"]
STAFF = [{"staff": list[str]()}]
READ = {"permission": Permission.READ_CONTRACTS}
DRAFT = {"permission": Permission.DRAFT_CONTRACT}
APPROVE = {"permission": Permission.APPROVE_CONTRACT}

Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="编号。Its number.")]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="每页条数。Rows a page.")]
Before = Annotated[
    int | None,
    QueryParameter(
        ge=1, le=NUMBER_MAX, description="上一页的 next_before。The next_before of the page before."
    ),
]
Until = Annotated[
    date | None,
    QueryParameter(
        description="截至日期（含），默认不限。Up to and with this day; all by default."
    ),
]
PartyNamed = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)", description="合作方。Only this party."
    ),
]
State = Annotated[VersionState | None, QueryParameter(description="状态。Only in this state.")]
ContractNumber = Annotated[
    str | None,
    QueryParameter(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)",
        description="合同编号。Only this contract.",
    ),
]

EXAMPLE: dict[str, Any] = {
    "contract_no": "JY-2026-017",
    "title": "青阳镇停车场合作经营",
    "form": "revenue_share",
    "terms": {
        "parties": [
            {"party": "group", "share_ppm": 600_000},
            {"party": "qingyang", "share_ppm": 250_000},
            {"party": "investor", "share_ppm": 150_000},
        ],
        "base": "net_of_fee",
        "cycle": "month",
        "tiers": [{"above_fen": 50_000_000, "shares_ppm": [500_000, 300_000, 200_000]}],
        "guarantees": [{"party": "qingyang", "amount_fen": 1_000_000, "paid_by": "group"}],
    },
    "lots": ["320281001101", "320281001102"],
    "valid_from": "2026-07-01",
    "takeover_on": "2027-03-31",
    "expires_on": "2031-06-30",
}
PARTY_EXAMPLE = {
    "party": "qingyang",
    "name": "青阳镇资产经营公司",
    "account": {
        "holder": "青阳镇资产经营公司",
        "account_no": "6222021001116245702",
        "bank_code": "102302200015",
    },
    "operator_id": 1,
}


@post(
    "/v1/settlement/parties",
    status_code=200,
    tags=TAGS,
    summary="登记合作方 Register a party",
    description=(
        "登记或更新合作方及其收款账户；`payer` 为经营单位的付款账户。市级人员须指明经营单位。"
        "Registers a party and its bank account, or what has changed of it; `payer` names the "
        "account that payouts leave from. The city names the operator."
    ),
    opt=DRAFT | {"body_example": PARTY_EXAMPLE},
    security=STAFF,
    responses=refusals(OperatorNotNamed, staff=True),
)
async def keep_party(
    data: JSONBody[NewParty],
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> PartyPage:
    """Register a party."""
    return await contracts.keep_party(data, by=principal)


@get(
    "/v1/settlement/parties",
    tags=TAGS,
    summary="合作方与余额 Parties and balances",
    description=(
        "账面应付各合作方的余额；负数表示合作方欠款，结转并自后续收入抵扣。"
        "What the books owe each party. A negative balance is carried and set off by what comes."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_parties(
    principal: NamedDependency[Principal], contracts: NamedDependency[Contracts]
) -> PartyPage:
    """List parties."""
    return await contracts.parties(by=principal)


@post(
    "/v1/settlement/contracts",
    tags=TAGS,
    summary="起草合同版本 Draft a version of a contract",
    description=(
        "五种合作形式：授权经营、合资合股、项目共投、委托运营、收益分成。份额以百万分比计，合计一百万；"
        "草稿不可修改，更正须另起草。"
        "One of the five forms of co-operation; shares are parts of a million and add up to it. "
        "A draft never changes: a correction is another draft."
    ),
    opt=DRAFT | {"body_example": EXAMPLE},
    security=STAFF,
    responses=refusals(TermsInvalid, DatesInvalid, LotUnknown, PartyUnknown, staff=True),
)
async def draft_version(
    data: JSONBody[NewVersion],
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> VersionView:
    """Propose a version."""
    return await contracts.draft(data, by=principal)


@get(
    "/v1/settlement/contracts",
    tags=TAGS,
    summary="合同版本列表 Versions of contracts",
    description="新的在前，分页；经营单位只见本单位。Newest first; an operator sees its own.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_versions(
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
    *,
    version_state: State = None,
    contract_no: ContractNumber = None,
    before: Before = None,
    limit: Limit = 50,
) -> VersionPage:
    """List versions."""
    return await contracts.page(
        state=version_state, contract_no=contract_no, before=before, limit=limit, by=principal
    )


@get(
    "/v1/settlement/contracts/{version_id:int}",
    tags=TAGS,
    summary="一个合同版本 One version of a contract",
    description="条款、停车场、起草人与审批人。Its terms, lots, and who did what.",
    opt=READ,
    security=STAFF,
    responses=refusals(VersionUnknown, staff=True),
)
async def show_version(
    version_id: Number,
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> VersionView:
    """Show one version."""
    return await contracts.show(version_id, by=principal)


@post(
    "/v1/settlement/contracts/{version_id:int}/approvals",
    status_code=200,
    tags=TAGS,
    summary="审批合同版本 Approve a version",
    description=(
        "须由起草人以外的人审批；自尚未清分之日起生效，同一合同的前一版本同日终止。"
        "By somebody who did not draft it, from a day not yet cleared; the version before it ends "
        "where this begins."
    ),
    opt=APPROVE,
    security=STAFF,
    responses=refusals(
        *(VersionUnknown, VersionClosed, VersionsOverlap, DatesInvalid, SecondPersonNeeded),
        staff=True,
    ),
)
async def approve_version(
    version_id: Number,
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> VersionView:
    """Put a version in force."""
    return await contracts.approve(version_id, by=principal)


@post(
    "/v1/settlement/contracts/{version_id:int}/withdrawals",
    status_code=200,
    tags=TAGS,
    summary="撤回合同草稿 Withdraw a draft",
    description="撤回尚未审批的草稿。Drops a draft that nobody has approved.",
    opt=DRAFT,
    security=STAFF,
    responses=refusals(VersionUnknown, VersionClosed, staff=True),
)
async def withdraw_version(
    version_id: Number,
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> VersionView:
    """Drop a draft."""
    return await contracts.withdraw(version_id, by=principal)


@get(
    "/v1/settlement/days",
    tags=TAGS,
    summary="清分日 Days of clearing",
    description=(
        "按支付渠道时间（北京时间）归日；已关闭之日不再变动，迟到的记录计入其后首个未关闭日。"
        "Days by the providers' time in Jiangyin. A closed day never changes; what comes late goes "
        "to the first open day after it."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_days(
    principal: NamedDependency[Principal],
    clearing: NamedDependency[Clearing],
    *,
    until: Until = None,
    limit: Limit = 50,
) -> DayPage:
    """List days."""
    return await clearing.days(until=until or date.max, limit=limit, by=principal)


@get(
    "/v1/settlement/tasks",
    tags=TAGS,
    summary="结算待办 Tasks of settlement",
    description=(
        "到期接管、合同到期、无合同停车场与合作方欠款，按期限排列。"
        "Takeovers and contracts that end, lots without a contract, and parties that owe; what is "
        "due first before the rest."
    ),
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_tasks(
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
    *,
    limit: Limit = 50,
) -> TaskPage:
    """List what waits for a person."""
    return await contracts.tasks(limit=limit, by=principal)


@post(
    "/v1/settlement/tasks/{task_id:int}/completions",
    status_code=200,
    tags=TAGS,
    summary="办结待办 Complete a task",
    description="说明办理情况。Say what was done about it.",
    opt=DRAFT | {"body_example": {"reason": "续签至 2031 年"}},
    security=STAFF,
    responses=refusals(TaskUnknown, staff=True),
)
async def complete_task(
    task_id: Number,
    data: JSONBody[TaskDone],
    principal: NamedDependency[Principal],
    contracts: NamedDependency[Contracts],
) -> TaskPage:
    """Note what was done."""
    return await contracts.end_task(task_id, data, by=principal)


HANDLERS = [
    *(keep_party, list_parties, draft_version, list_versions, show_version),
    *(approve_version, withdraw_version, list_days, list_tasks, complete_task),
]
