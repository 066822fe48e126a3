"""Endpoints of drivers without an account.

Owns: nothing but the way from a request to a view.
Never: decides, or shows what the views hide.
"""

from typing import Annotated, Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from onepark.contexts.stays.errors import OrderUnknown, PlateInvalid, TooManyLookups
from onepark.contexts.stays.views import DuesView, OrderView, PublicOrders
from onepark.infra.openapi import refusals

TAGS = ["orders 订单"]


@get(
    "/v1/dues",
    tags=TAGS,
    summary="按车牌查询应付 Dues by plate",
    description=(
        "无需登录；只返回订单号、应付金额、停车场与隐去分钟的入场时间。"
        "No login. Only the order, the amount, the lot and the hour of the entry are shown."
    ),
    responses=refusals(PlateInvalid, TooManyLookups),
)
async def find_dues(
    request: Request[Any, Any, Any],
    orders: NamedDependency[PublicOrders],
    plate: FromQuery[Annotated[str, QueryParameter(max_length=64, examples=[])]],
) -> DuesView:
    """Ask what a plate owes."""
    address = request.client.host if request.client else ""
    return await orders.dues(plate, address=address)


@get(
    "/v1/orders/{order_no:str}",
    tags=TAGS,
    summary="查询订单 One order",
    description="凭订单号查询状态、金额与计费明细。State, amounts and lines of an order.",
    responses=refusals(OrderUnknown),
)
async def show_order(order_no: FromPath[str], orders: NamedDependency[PublicOrders]) -> OrderView:
    """Ask how an order stands."""
    return await orders.order(order_no)


HANDLERS = [find_dues, show_order]
