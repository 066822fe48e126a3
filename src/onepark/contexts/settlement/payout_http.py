"""Endpoints of payouts, for staff.

Owns: decoding and encoding.
Never: decides.
"""

from typing import Annotated

from litestar import Response, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from onepark.contexts.settlement.errors import (
    AccountMissing,
    BalanceTooSmall,
    DriverUnknown,
    FileUnknown,
    NothingToSend,
    OperatorNotNamed,
    PartyUnknown,
    PayoutStep,
    PayoutUnknown,
    SecondPersonNeeded,
)
from onepark.contexts.settlement.http import STAFF, TAGS, Limit, PartyNamed
from onepark.contexts.settlement.payout_model import (
    NewPayout,
    PayoutEnd,
    PayoutPage,
    PayoutState,
    PayoutView,
    Sending,
    Sent,
    Withdrawal,
)
from onepark.contexts.settlement.payouts import Payouts
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

READ = {"permission": Permission.READ_PAYOUTS}
DRAFT = {"permission": Permission.DRAFT_PAYOUT}
CHECK = {"permission": Permission.CHECK_PAYOUT}
APPROVE = {"permission": Permission.APPROVE_PAYOUT}

State = Annotated[PayoutState | None, QueryParameter(description="状态。Only in this state.")]


@post(
    "/v1/settlement/payouts",
    tags=TAGS,
    summary="起草付款单 Draft a payout",
    description=(
        "从合作方可付余额中付款；不写金额即全部可付余额。须由另一人审批。"
        "Money for a party out of its balance; without an amount, all that is free of it. "
        "A second person must approve."
    ),
    opt=DRAFT | {"body_example": {"party": "qingyang", "amount_fen": 250_000, "operator_id": 1}},
    security=STAFF,
    responses=refusals(OperatorNotNamed, PartyUnknown, AccountMissing, BalanceTooSmall, staff=True),
)
async def draft_payout(
    data: JSONBody[NewPayout],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Propose a payout."""
    return await payouts.draft(data, by=principal)


@get(
    "/v1/settlement/payouts",
    tags=TAGS,
    summary="付款单列表 Payouts",
    description="新的在前；经营单位只见本单位。Newest first; an operator sees its own.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_payouts(
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
    *,
    payout_state: State = None,
    party: PartyNamed = None,
    limit: Limit = 50,
) -> PayoutPage:
    """List payouts."""
    return await payouts.page(state=payout_state, party=party, limit=limit, by=principal)


@get(
    "/v1/settlement/payouts/{payout_no:str}",
    tags=TAGS,
    summary="一张付款单 One payout",
    description="状态与经手人。Its state, and who did what.",
    opt=READ,
    security=STAFF,
    responses=refusals(PayoutUnknown, staff=True),
)
async def show_payout(
    payout_no: FromPath[str],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Show one payout."""
    return await payouts.show(payout_no, by=principal)


@post(
    "/v1/settlement/payouts/{payout_no:str}/checks",
    status_code=200,
    tags=TAGS,
    summary="复核付款单 Check a payout",
    description="确认与结算单一致。It agrees with the party's statement.",
    opt=CHECK,
    security=STAFF,
    responses=refusals(PayoutUnknown, PayoutStep, staff=True),
)
async def check_payout(
    payout_no: FromPath[str],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Say that a draft is right."""
    return await payouts.check(payout_no, by=principal)


@post(
    "/v1/settlement/payouts/{payout_no:str}/approvals",
    status_code=200,
    tags=TAGS,
    summary="审批付款单 Approve a payout",
    description="须由起草人以外的人审批。By somebody who did not draft it.",
    opt=APPROVE,
    security=STAFF,
    responses=refusals(PayoutUnknown, PayoutStep, SecondPersonNeeded, staff=True),
)
async def approve_payout(
    payout_no: FromPath[str],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Let a payout go."""
    return await payouts.approve(payout_no, by=principal)


@post(
    "/v1/settlement/payouts/{payout_no:str}/withdrawals",
    status_code=200,
    tags=TAGS,
    summary="撤回付款单 Withdraw a payout",
    description="撤回尚未发送的付款单并说明理由。Drops a payout that was not sent; say why.",
    opt=DRAFT | {"body_example": {"reason": "金额有误"}},
    security=STAFF,
    responses=refusals(PayoutUnknown, PayoutStep, staff=True),
)
async def withdraw_payout(
    payout_no: FromPath[str],
    data: JSONBody[Withdrawal],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Drop a payout."""
    return await payouts.withdraw(payout_no, data, by=principal)


@post(
    "/v1/settlement/payouts/{payout_no:str}/outcomes",
    status_code=200,
    tags=TAGS,
    summary="登记付款结果 Note what the bank said",
    description=(
        "已付、失败或退回；退回可发生在已付之后数日，款项回到合作方余额。"
        "Paid, failed, or returned, even days after it was paid: what did not arrive goes back to "
        "the party's balance."
    ),
    opt=DRAFT | {"body_example": {"outcome": "returned", "reason": "账号已销户"}},
    security=STAFF,
    responses=refusals(PayoutUnknown, PayoutStep, staff=True),
)
async def end_payout(
    payout_no: FromPath[str],
    data: JSONBody[PayoutEnd],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> PayoutView:
    """Note how a payout ended."""
    return await payouts.end(payout_no, data, by=principal)


@post(
    "/v1/settlement/payout-files",
    tags=TAGS,
    summary="生成付款文件 Send approved payouts",
    description=(
        "将全部已审批付款单写入一个文件（`iso20022` 或 `bank_csv`）并记账；余额不足者暂缓。"
        "Writes all approved payouts of an operator to one file (`iso20022` or `bank_csv`) and "
        "posts them; one that its balance no longer covers is held back."
    ),
    opt=DRAFT | {"body_example": {"driver": "iso20022", "operator_id": 1}},
    security=STAFF,
    responses=refusals(
        *(OperatorNotNamed, PartyUnknown, AccountMissing, DriverUnknown, NothingToSend), staff=True
    ),
)
async def send_payouts(
    data: JSONBody[Sending],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> Sent:
    """Send what is approved."""
    return await payouts.send(data, by=principal)


@get(
    "/v1/settlement/payout-files/{file_no:str}",
    tags=TAGS,
    media_type="application/octet-stream",
    summary="下载付款文件 A payout file",
    description="与生成时逐字节一致。Byte for byte as it was made.",
    opt=DRAFT,
    security=STAFF,
    responses=refusals(FileUnknown, staff=True),
    cache_control=CacheControlHeader(no_store=True),
)
async def fetch_file(
    file_no: FromPath[str],
    principal: NamedDependency[Principal],
    payouts: NamedDependency[Payouts],
) -> Response[bytes]:
    """Fetch a file for the bank."""
    found = await payouts.file(file_no, by=principal)
    return Response(found.content, media_type=found.media_type)


HANDLERS = [
    *(draft_payout, list_payouts, show_payout, check_payout, approve_payout, withdraw_payout),
    *(end_payout, send_payouts, fetch_file),
]
