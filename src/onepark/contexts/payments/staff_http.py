"""Endpoints of staff who give money back.

Owns: nothing but the way from a request to the desk of refunds.
Never: decides.
"""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter

from onepark.contexts.payments.errors import (
    KeyMissing,
    KeyReused,
    PaymentUnknown,
    RefundAbovePaid,
    RefundImpossible,
    RefundNotWaiting,
    RefundOpen,
    RefundUnknown,
)
from onepark.contexts.payments.model import RefundState
from onepark.contexts.payments.refund_desk import (
    RefundAsked,
    RefundDesk,
    RefundDetail,
    RefundPage,
    RefundsMade,
    RulingAsked,
)
from onepark.contexts.payments.refund_store import Wanted
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import ORDER_NO_PATTERN

TAGS = ["payments 支付"]
NUMBER = r"^[A-Z2-7]{32}$(?!\n)"

Number = Annotated[
    str, PathParameter(pattern=NUMBER, description="退款单号。The refund's number.", examples=[])
]
After = Annotated[
    str,
    QueryParameter(
        pattern=r"^([A-Z2-7]{32})?$(?!\n)",
        description="上一页的 next_after。The next_after of the page before.",
    ),
]
Order = Annotated[
    str | None, QueryParameter(pattern=ORDER_NO_PATTERN, description="订单号。Of one order.")
]
State = Annotated[RefundState | None, QueryParameter(description="状态。In one state.")]
Waiting = Annotated[
    bool, QueryParameter(description="仅列出待人工处理的。Only those that wait for a person.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="每页条数。How many a page.")]


@post(
    "/v1/payments/refunds",
    tags=TAGS,
    summary="发起退款 Ask for a refund",
    description=(
        "按订单或支付单退回部分或全部金额，累计不超过实付；按订单时从最近一次支付退起。"
        "先占用额度并返回，随后由平台向支付机构发起，超时以同一退款单号重试。"
        "Give back part or all of what was paid for an order, from its newest payment on, or of "
        "one payment. It is reserved at once and asked of the provider afterwards, always under "
        "the same number."
    ),
    opt={"permission": Permission.ASK_REFUND},
    security=[{"staff": []}],
    responses=refusals(
        *(KeyMissing, KeyReused, PaymentUnknown, RefundAbovePaid, RefundImpossible), staff=True
    ),
)
async def ask_refund(
    principal: NamedDependency[Principal],
    data: JSONBody[RefundAsked],
    refund_desk: NamedDependency[RefundDesk],
    *,
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
) -> RefundsMade:
    """Somebody is to get money back."""
    return await refund_desk.ask(data, key=idempotency_key, by=principal)


@get(
    "/v1/payments/refunds",
    tags=TAGS,
    summary="退款单列表 Refunds",
    description=(
        "可按订单、状态筛选；`waiting=true` 仅列出退款异常或被拒、待人工处理的，含责任方与期限。"
        "By order or state; `waiting=true` lists those that came to nothing and wait for a person, "
        "with whose they are and until when."
    ),
    opt={"permission": Permission.READ_REFUNDS},
    security=[{"staff": []}],
    responses=refusals(staff=True),
)
async def list_refunds(
    principal: NamedDependency[Principal],
    refund_desk: NamedDependency[RefundDesk],
    *,
    order_no: Order = None,
    refund_state: State = None,
    waiting: Waiting = False,
    after: After = "",
    limit: Limit = 50,
) -> RefundPage:
    """List what goes back."""
    wanted = Wanted(order_no, refund_state, waiting)
    return await refund_desk.page(wanted, after=after, limit=limit, by=principal)


@get(
    "/v1/payments/refunds/{refund_no:str}",
    tags=TAGS,
    summary="查询退款单 One refund",
    description="凭退款单号查询。A refund by its number.",
    opt={"permission": Permission.READ_REFUNDS},
    security=[{"staff": []}],
    responses=refusals(RefundUnknown, staff=True),
)
async def show_refund(
    principal: NamedDependency[Principal],
    refund_desk: NamedDependency[RefundDesk],
    *,
    refund_no: Number,
) -> RefundDetail:
    """Show one refund."""
    return await refund_desk.one(refund_no, by=principal)


@post(
    "/v1/payments/refunds/{refund_no:str}/rulings",
    status_code=200,
    tags=TAGS,
    summary="处理异常退款 Settle a refund that came to nothing",
    description=(
        "重试、认定已以其他方式退还，或撤回；须说明理由。支付机构尚无结论时只能重试。"
        "Have it tried again, say that the payer has the money by another way, or withdraw it; say "
        "why. While the provider may pay it yet, it can only be tried again."
    ),
    opt={"permission": Permission.SETTLE_REFUND},
    security=[{"staff": []}],
    responses=refusals(
        *(RefundUnknown, RefundNotWaiting, RefundOpen, RefundAbovePaid, RefundImpossible),
        staff=True,
    ),
)
async def rule_on_refund(
    principal: NamedDependency[Principal],
    data: JSONBody[RulingAsked],
    refund_desk: NamedDependency[RefundDesk],
    *,
    refund_no: Number,
) -> RefundDetail:
    """Say what is made of it."""
    return await refund_desk.rule(refund_no, data, by=principal)


HANDLERS = [ask_refund, list_refunds, show_refund, rule_on_refund]
