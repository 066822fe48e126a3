"""Endpoints of staff who sell passes, keep lists and issue coupons.

Owns: nothing but the way from a request to an office.
Never: decides.
"""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.membership.coupons import BatchAsked, BatchIssued, BatchPage, CouponOffice
from onepark.contexts.membership.errors import (
    BatchInvalid,
    BatchUnknown,
    LotUnknown,
    OperatorNotNamed,
    PassEnded,
    PassUnknown,
    PlateInvalid,
    ProductInvalid,
    ProductUnknown,
    ProofNeeded,
    SoldOut,
    TermInvalid,
)
from onepark.contexts.membership.http import COUPON_TAGS, TAGS
from onepark.contexts.membership.model import CouponBatch, Pass
from onepark.contexts.membership.office import (
    CancelAsked,
    GrantAsked,
    PassOffice,
    PassPage,
    ProductAsked,
    ProductPage,
    ProductView,
    SaleAsked,
)
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

NUMBER_MAX = 2**63 - 1
Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="编号 Its number.")]
After = Annotated[
    int,
    QueryParameter(
        ge=0, le=NUMBER_MAX, description="上一页的 next_after。The next_after of the page before."
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="每页条数。How many a page.")]
Plate = Annotated[str | None, QueryParameter(max_length=64, description="车牌 Of one plate.")]
MINE: list[dict[str, list[str]]] = [{"staff": []}]


@post(
    "/v1/passes/products",
    tags=TAGS,
    summary="新增通行证产品 Begin to sell a pass",
    description=(
        "期限、价格、适用停车场或分区、时段、名额与是否须证明。"
        "Term, price, lots or a zone, windows, quota, and whether a proof is needed."
    ),
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(LotUnknown, OperatorNotNamed, ProductInvalid, TermInvalid, staff=True),
)
async def add_product(
    principal: NamedDependency[Principal],
    data: JSONBody[ProductAsked],
    pass_office: NamedDependency[PassOffice],
) -> ProductView:
    """Add a product."""
    return await pass_office.add_product(data, by=principal)


@get(
    "/v1/passes/products",
    tags=TAGS,
    summary="通行证产品列表 Products",
    description="本单位的产品。Products of your operator.",
    opt={"permission": Permission.READ_PASSES},
    security=MINE,
    responses=refusals(staff=True),
)
async def list_products(
    principal: NamedDependency[Principal],
    pass_office: NamedDependency[PassOffice],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> ProductPage:
    """List products."""
    return await pass_office.products(after=after, limit=limit, by=principal)


@post(
    "/v1/passes/products/{product_id:int}/sales",
    status_code=200,
    tags=TAGS,
    summary="上架或停售 Sell a product, or no more",
    description="已售出的仍有效。What was sold stays valid.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(ProductUnknown, staff=True),
)
async def sell_product(
    principal: NamedDependency[Principal],
    data: JSONBody[SaleAsked],
    pass_office: NamedDependency[PassOffice],
    *,
    product_id: Number,
) -> ProductView:
    """Say whether a product is sold."""
    return await pass_office.put_on_sale(product_id, data, by=principal)


@post(
    "/v1/passes/grants",
    tags=TAGS,
    summary="凭证明发放通行证 Give a pass with a proof",
    description=(
        "免费产品立即生效；收费的须证明产品生成待支付订单。"
        "A free one is valid at once; one that costs something has an order to be paid."
    ),
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(PlateInvalid, ProductUnknown, ProofNeeded, SoldOut, TermInvalid, staff=True),
)
async def grant_pass(
    principal: NamedDependency[Principal],
    data: JSONBody[GrantAsked],
    pass_office: NamedDependency[PassOffice],
) -> Pass:
    """Give a pass."""
    return await pass_office.grant(data, by=principal)


@get(
    "/v1/passes/issued",
    tags=TAGS,
    summary="已发通行证 Passes that were issued",
    description="可按车牌筛选。All, or those of one plate.",
    opt={"permission": Permission.READ_PASSES},
    security=MINE,
    responses=refusals(PlateInvalid, staff=True),
)
async def list_passes(
    principal: NamedDependency[Principal],
    pass_office: NamedDependency[PassOffice],
    *,
    plate: Plate = None,
    after: After = 0,
    limit: Limit = 50,
) -> PassPage:
    """List passes."""
    return await pass_office.passes(plate=plate, after=after, limit=limit, by=principal)


@post(
    "/v1/passes/issued/{pass_id:int}/cancellations",
    status_code=200,
    tags=TAGS,
    summary="提前终止通行证 End a pass",
    description="即时失效，剩余整日按比例退款。It ends now; its whole days ahead go back pro rata.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(PassUnknown, PassEnded, TermInvalid, staff=True),
)
async def cancel_pass(
    principal: NamedDependency[Principal],
    data: JSONBody[CancelAsked],
    pass_office: NamedDependency[PassOffice],
    *,
    pass_id: Number,
) -> Pass:
    """End a pass."""
    return await pass_office.cancel(pass_id, data, by=principal)


@post(
    "/v1/coupons/batches",
    tags=COUPON_TAGS,
    summary="发行优惠券 Issue coupons",
    description=(
        "商户承担，设预算；券码只显示一次。"
        "The merchant pays, up to a budget; the codes are shown once."
    ),
    opt={"permission": Permission.MANAGE_COUPONS},
    security=MINE,
    responses=refusals(BatchInvalid, LotUnknown, OperatorNotNamed, TermInvalid, staff=True),
)
async def issue_coupons(
    principal: NamedDependency[Principal],
    data: JSONBody[BatchAsked],
    coupon_office: NamedDependency[CouponOffice],
) -> BatchIssued:
    """Issue coupons."""
    return await coupon_office.issue(data, by=principal)


@get(
    "/v1/coupons/batches",
    tags=COUPON_TAGS,
    summary="优惠券批次 Batches of coupons",
    description="含已核销金额。With what was spent.",
    opt={"permission": Permission.READ_COUPONS},
    security=MINE,
    responses=refusals(staff=True),
)
async def list_batches(
    principal: NamedDependency[Principal],
    coupon_office: NamedDependency[CouponOffice],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> BatchPage:
    """List batches."""
    return await coupon_office.batches(after=after, limit=limit, by=principal)


@post(
    "/v1/coupons/batches/{batch_id:int}/stops",
    status_code=200,
    tags=COUPON_TAGS,
    summary="停用优惠券 Stop a batch",
    description="已使用的仍有效。Those that were redeemed count.",
    opt={"permission": Permission.MANAGE_COUPONS},
    security=MINE,
    responses=refusals(BatchUnknown, staff=True),
)
async def stop_coupons(
    principal: NamedDependency[Principal],
    coupon_office: NamedDependency[CouponOffice],
    *,
    batch_id: Number,
) -> CouponBatch:
    """Stop a batch."""
    return await coupon_office.stop(batch_id, by=principal)


HANDLERS = [
    add_product,
    list_products,
    sell_product,
    grant_pass,
    list_passes,
    cancel_pass,
    issue_coupons,
    list_batches,
    stop_coupons,
]
