"""Endpoints of drivers without an account.

Owns: nothing but the way from a request to passes and coupons.
Never: decides, or shows whose a pass is.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter, QueryParameter

from onepark.contexts.membership.coupons import Coupons, RedeemAsked, Redeemed
from onepark.contexts.membership.errors import (
    CouponExpired,
    CouponNotHere,
    CouponUnknown,
    CouponUsed,
    LotUnknown,
    OrderNotOpen,
    PassUnknown,
    PlateInvalid,
    ProductUnknown,
    ProofNeeded,
    SoldOut,
    TermInvalid,
    TooManyTries,
)
from onepark.contexts.membership.service import Covered, Offer, PassAsked, Passes, PassSold
from onepark.infra.openapi import refusals
from onepark.infra.peers import address_of
from onepark.kernel.types import ORDER_NO_PATTERN, LotCode, OrderNo, PlateColor

TAGS = ["passes 通行证"]
COUPON_TAGS = ["coupons 优惠券"]

LotQuery = Annotated[str, QueryParameter(pattern=r"^[0-9]{12}$(?!\n)", description="Lot code.")]
PlateQuery = Annotated[str, QueryParameter(max_length=64, examples=[])]
OrderPath = Annotated[
    str, PathParameter(pattern=ORDER_NO_PATTERN, description="订单号 Its number.", examples=[])
]
ColorQuery = Annotated[PlateColor, QueryParameter(description="车牌颜色 Colour of the plate.")]


@get(
    "/v1/passes",
    tags=TAGS,
    summary="某车在某场是否有有效通行证 Whether a car has a pass there",
    description="只回答有或无，不含任何个人信息。Only yes or no; nothing of whose it is.",
    responses=refusals(PlateInvalid, LotUnknown, TooManyTries),
)
async def ask_covered(
    request: Request[Any, Any, Any],
    passes: NamedDependency[Passes],
    *,
    plate: FromQuery[PlateQuery],
    lot: FromQuery[LotQuery],
    plate_color: ColorQuery = PlateColor.BLUE,
) -> Covered:
    """Ask whether a car has a pass."""
    return await passes.covered(LotCode(lot), plate, plate_color, address=address_of(request))


@get(
    "/v1/passes/offers",
    tags=TAGS,
    summary="在售通行证 Passes on sale",
    description="某停车场在售的月卡、季卡、年卡、错时卡等。What is sold for a lot.",
    responses=refusals(LotUnknown),
)
async def list_offers(passes: NamedDependency[Passes], lot: FromQuery[LotQuery]) -> list[Offer]:
    """Ask what is sold."""
    return await passes.offers(LotCode(lot))


@post(
    "/v1/passes",
    tags=TAGS,
    summary="购买或续费通行证 Buy or renew a pass",
    description=(
        "生成待支付订单，用 POST /v1/payments 支付，支付成功即生效；已有同类通行证的从其到期起续。"
        "Make an order, pay it with POST /v1/payments; the pass is valid once it is paid. One that "
        "the car has already is followed by the new one."
    ),
    responses=refusals(
        *(PlateInvalid, ProductUnknown, ProofNeeded, SoldOut, TermInvalid, TooManyTries)
    ),
)
async def buy_pass(
    request: Request[Any, Any, Any],
    data: JSONBody[PassAsked],
    passes: NamedDependency[Passes],
) -> PassSold:
    """Buy a pass."""
    return await passes.buy(data, address=address_of(request))


@get(
    "/v1/passes/orders/{order_no:str}",
    tags=TAGS,
    summary="通行证订单 The order of a pass",
    description="凭订单号查询状态与有效期。State and term, by the order's number.",
    responses=refusals(PassUnknown),
)
async def show_pass_order(passes: NamedDependency[Passes], *, order_no: OrderPath) -> PassSold:
    """Ask how the order of a pass stands."""
    return await passes.order(OrderNo(order_no))


@post(
    "/v1/coupons/redeem",
    status_code=200,
    tags=COUPON_TAGS,
    summary="使用优惠券 Redeem a coupon",
    description=(
        "按订单号或车牌用于在场车辆的订单；一券一用，重复提交同一订单结果不变。"
        "For the order of a car inside, by its number or by plate; a code counts once, and the "
        "same again changes nothing."
    ),
    responses=refusals(
        *(CouponUnknown, CouponUsed, CouponExpired, CouponNotHere, OrderNotOpen),
        *(PlateInvalid, TooManyTries),
    ),
)
async def redeem_coupon(
    request: Request[Any, Any, Any],
    data: JSONBody[RedeemAsked],
    coupons: NamedDependency[Coupons],
) -> Redeemed:
    """Use a coupon."""
    return await coupons.redeem(data, address=address_of(request))


HANDLERS = [ask_covered, list_offers, buy_pass, show_pass_order, redeem_coupon]
