"""Endpoints of drivers without an account, and of staff who look at exits misread or not seen.

Owns: nothing but the way from a request to a view.
Never: decides, or shows what the views hide.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter

from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.errors import (
    CandidateGone,
    CandidateUnknown,
    LotUnknown,
    MisreadDecided,
    MisreadOvertaken,
    MisreadUnknown,
    OrderUnknown,
    PlateInvalid,
    StoreUnavailable,
    TariffNotLoaded,
    TooManyLookups,
)
from onepark.contexts.stays.tasks import Choice, Decided, MisreadPage
from onepark.contexts.stays.views import DuesView, OrderView, PublicOrders
from onepark.infra.openapi import refusals
from onepark.infra.peers import address_of
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import LotCode

TAGS = ["orders 订单"]
STAY_TAGS = ["stays 停车记录"]
NUMBER_MAX = 2**63 - 1

Lot = Annotated[
    str,
    QueryParameter(
        pattern=r"^([0-9]{12})?$(?!\n)", description="停车场编码，缺省为全部。Lot code; empty: all."
    ),
]
After = Annotated[
    int,
    QueryParameter(
        ge=0, le=NUMBER_MAX, description="上一页的 next_after。The next_after of the page before."
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="每页条数。How many a page.")]
Task = Annotated[
    int, PathParameter(ge=1, le=NUMBER_MAX, description="待办编号。The task's number.")
]


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
    return await orders.dues(plate, address=address_of(request))


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


@get(
    "/v1/stays/misreads",
    tags=STAY_TAGS,
    summary="待处理的误识别出场 Misread exits that wait",
    description=(
        "出场车牌在场内无对应记录，按可能性列出候选车辆；无权处理者只见脱敏车牌。"
        "Exits whose plate is not inside, each with its likeliest cars; who may not decide sees "
        "masked plates."
    ),
    opt={"permission": Permission.READ_MISREADS},
    security=[{"staff": []}],
    responses=refusals(LotUnknown, staff=True),
)
async def list_misreads(
    principal: NamedDependency[Principal],
    desk: NamedDependency[MisreadDesk],
    *,
    lot: Lot = "",
    after: After = 0,
    limit: Limit = 50,
) -> MisreadPage:
    """List what waits for a person."""
    return await desk.page(lot=LotCode(lot), after=after, limit=limit, by=principal)


@post(
    "/v1/stays/misreads/{task_id:int}/decisions",
    status_code=200,
    tags=STAY_TAGS,
    summary="处理误识别出场 Decide a misread exit",
    description=(
        "选定候选停车记录，或以 null 表示均不是；重复提交同一决定结果不变。"
        "车仍在出口等候时给出应付金额或开闸指令。"
        "Choose a candidate's stay, or null for none of them; the same decision again changes "
        "nothing. While the car still waits it is told its dues, or the lane opens."
    ),
    opt={"permission": Permission.DECIDE_MISREAD},
    security=[{"staff": []}],
    responses=refusals(
        *(MisreadUnknown, CandidateUnknown, CandidateGone, MisreadDecided, MisreadOvertaken),
        *(StoreUnavailable, TariffNotLoaded),
        staff=True,
    ),
)
async def decide_misread(
    task_id: Task,
    principal: NamedDependency[Principal],
    data: JSONBody[Choice],
    desk: NamedDependency[MisreadDesk],
) -> Decided:
    """Say whose exit it was."""
    return await desk.decide(task_id, data, by=principal)


HANDLERS = [find_dues, show_order, list_misreads, decide_misread]
