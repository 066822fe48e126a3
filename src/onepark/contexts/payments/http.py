"""Endpoints of payers and of payment providers.

Owns: where a notice is read as raw bytes, and answered in its provider's words.
Never: decides.
"""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, JSONBody

from onepark.contexts.membership.errors import NothingDue as PassNothingDue
from onepark.contexts.membership.errors import PassUnknown
from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    ChannelUnknown,
    KeyMissing,
    KeyReused,
    KindNotOffered,
    PayerMissing,
    ReceiptAmountDiffers,
    ReceiptInvalid,
    ReceiptOfAnotherLot,
    ReceiptReused,
)
from onepark.contexts.payments.model import PaymentAnswer, PaymentAsked, ReceiptTold
from onepark.contexts.payments.receipts import Receipts, ReceiptTaken
from onepark.contexts.payments.service import Payments
from onepark.contexts.stays.errors import NothingDue, OrderUnknown
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

TAGS = ["payments 支付"]


@post(
    "/v1/payments",
    tags=TAGS,
    summary="支付订单 Pay an order",
    description=(
        "按订单当前应付金额发起支付；金额由平台冻结，不接受客户端金额。"
        "Begin to pay what the order owes now. The amount is the platform's own and stays frozen."
    ),
    responses=refusals(
        KeyMissing,
        KeyReused,
        OrderUnknown,
        NothingDue,
        PassUnknown,
        PassNothingDue,
        ChannelUnknown,
        ChannelDeclined,
        ChannelUnavailable,
        KindNotOffered,
        PayerMissing,
    ),
)
async def begin_payment(
    request: Request[Any, Any, Any],
    data: JSONBody[PaymentAsked],
    payments: NamedDependency[Payments],
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
) -> PaymentAnswer:
    """Somebody pays for a car."""
    address = request.client.host if request.client else None
    return await payments.pay(data, key=idempotency_key, address=address)


@post(
    "/v1/payments/notices/{channel:str}",
    status_code=200,
    tags=TAGS,
    summary="支付结果通知 Provider notices",
    description=(
        "由支付机构调用：先按原始字节验签，入库后以其约定的文字应答。"
        "Called by providers; verified over the raw bytes, kept, answered in the provider's words."
    ),
    opt={"body_raw": True},
    responses={
        200: ResponseSpec(None, description="已收 Kept, in the provider's own words"),
        204: ResponseSpec(None, description="已收 Kept, no words"),
        400: ResponseSpec(None, description="拒收 Refused, in the provider's own words"),
        401: ResponseSpec(None, description="验签失败 Not verifiable"),
        503: ResponseSpec(None, description="请重发 Send it again"),
        **refusals(ChannelUnknown),
    },
)
async def take_notice(
    request: Request[Any, Any, Any], channel: FromPath[str], payments: NamedDependency[Payments]
) -> Response[bytes]:
    """A provider says that something was paid."""
    received = await payments.receive(channel, dict(request.headers), await request.body())
    handle = received.notice_id and BackgroundTask(payments.handle_soon, received.notice_id)
    said = received.answer
    return Response(
        said.body, status_code=said.status, media_type=said.media_type, background=handle or None
    )


@post(
    "/v1/payments/receipts",
    status_code=200,
    tags=TAGS,
    summary="上报现金与刷卡收款 Tell of cash and cards",
    description=(
        "停车场自行收取的现金或刷卡款项，按本场收据号上报一次；金额须等于订单当前应付金额。"
        "What a lot took itself, told once under its own receipt number. The amount must be what "
        "the order owes; the same receipt again is answered alike."
    ),
    opt={"permission": Permission.TELL_RECEIPT},
    security=[{"staff": []}],
    responses=refusals(
        *(ReceiptOfAnotherLot, ReceiptReused, ReceiptAmountDiffers, ReceiptInvalid),
        *(OrderUnknown, NothingDue),
        staff=True,
    ),
)
async def tell_receipt(
    principal: NamedDependency[Principal],
    data: JSONBody[ReceiptTold],
    receipts: NamedDependency[Receipts],
) -> ReceiptTaken:
    """A lot took money itself."""
    return await receipts.tell(data, by=principal)


HANDLERS = [begin_payment, take_notice, tell_receipt]
