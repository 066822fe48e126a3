"""Endpoints of staff who look after invoices.

Owns: nothing but the way from a request to the desk, the office and the fleets.
Never: decides.
"""

from typing import Annotated

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.invoices.desk import (
    FleetInvoiceAsked,
    InvoiceDesk,
    InvoiceDetail,
    InvoicePage,
    RedAsked,
    ResultAsked,
    RetryAsked,
)
from onepark.contexts.invoices.errors import (
    ChannelNotInvoiced,
    FiscalReceiptOnly,
    InvoiceUnknown,
    ListenerInvalid,
    NothingPaid,
    NotWaiting,
    OrderInvoiced,
    OrdersDiffer,
    OrderStillOpen,
    RequestInvalid,
    SellerInvalid,
    SellerMissing,
    TitleInvalid,
    TitleUnknown,
    VatInvoiceOnly,
)
from onepark.contexts.invoices.http import Number
from onepark.contexts.invoices.model import InvoiceState, Seller
from onepark.contexts.invoices.office import (
    ListenerAsked,
    ListenerSet,
    SellerAsked,
    SellerList,
    SellerOffice,
)
from onepark.contexts.invoices.service import InvoiceView
from onepark.contexts.invoices.store import Wanted
from onepark.contexts.invoices.titles import FleetAsked, FleetDetail, FleetPage, TitleBook
from onepark.contexts.stays.errors import OrderUnknown
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import ORDER_NO_PATTERN

TAGS = ["invoices 发票"]
READ = {"permission": Permission.READ_INVOICES}
ISSUE = {"permission": Permission.ISSUE_INVOICE}
SECURITY: list[dict[str, list[str]]] = [{"staff": []}]

After = Annotated[
    str,
    QueryParameter(
        pattern=r"^(I[A-Z2-7]{26})?$(?!\n)",
        description="上一页的 next_after。The next_after of the page before.",
    ),
]
Order = Annotated[
    str | None, QueryParameter(pattern=ORDER_NO_PATTERN, description="订单号。Of one order.")
]
State = Annotated[InvoiceState | None, QueryParameter(description="状态。In one state.")]
Waiting = Annotated[
    bool, QueryParameter(description="仅列出待人工处理的。Only those that wait for a person.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="每页条数。How many a page.")]
Fleet = Annotated[
    int, PathParameter(ge=1, le=2**53, description="车队抬头编号 The number of a fleet's title")
]


@get(
    "/v1/invoices",
    tags=TAGS,
    summary="发票列表 Invoices",
    description=(
        "可按订单、状态筛选；`waiting=true` 仅列出待人工处理的，含原因与期限。"
        "By order or state; `waiting=true` lists those that wait for a person, why and until when."
    ),
    opt=READ,
    security=SECURITY,
    responses=refusals(staff=True),
)
async def list_invoices(
    principal: NamedDependency[Principal],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    order_no: Order = None,
    invoice_state: State = None,
    waiting: Waiting = False,
    after: After = "",
    limit: Limit = 50,
) -> InvoicePage:
    """List invoices."""
    wanted = Wanted(order_no, invoice_state, waiting)
    return await invoice_desk.page(wanted, after=after, limit=limit, by=principal)


@get(
    "/v1/invoices/{invoice_no:str}/detail",
    tags=TAGS,
    summary="发票详情 All of an invoice",
    description=(
        "含不动产租赁特定要素、推送记录与待办。With the element of the lease, what was told of it, "
        "and what it waits for."
    ),
    opt=READ,
    security=SECURITY,
    responses=refusals(InvoiceUnknown, staff=True),
)
async def show_detail(
    principal: NamedDependency[Principal],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    invoice_no: Number,
) -> InvoiceDetail:
    """Show all of one invoice."""
    return await invoice_desk.one(invoice_no, by=principal)


@post(
    "/v1/invoices/{invoice_no:str}/retries",
    status_code=200,
    tags=TAGS,
    summary="重试 Try again",
    description=(
        "对待人工处理的发票以同一申请号再次发起；须说明理由。"
        "Have an invoice that waits for a person asked for again, under its own number; say why."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(InvoiceUnknown, NotWaiting, OrderInvoiced, staff=True),
)
async def retry_invoice(
    principal: NamedDependency[Principal],
    data: JSONBody[RetryAsked],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    invoice_no: Number,
) -> InvoiceDetail:
    """Have it tried again."""
    return await invoice_desk.retry(invoice_no, data, by=principal)


@post(
    "/v1/invoices/{invoice_no:str}/reds",
    status_code=200,
    tags=TAGS,
    summary="红冲 Take an invoice back",
    description=(
        "全额红冲；`rest=true` 时按剩余实付重开。重复提交无副作用。"
        "Whole, by a red invoice; with `rest=true` what stays paid is made out anew. Asked again, "
        "nothing more happens."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(InvoiceUnknown, NotWaiting, staff=True),
)
async def take_back(
    principal: NamedDependency[Principal],
    data: JSONBody[RedAsked],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    invoice_no: Number,
) -> InvoiceDetail:
    """Take it back."""
    return await invoice_desk.take_back(invoice_no, data, by=principal)


@post(
    "/v1/invoices/{invoice_no:str}/results",
    status_code=200,
    tags=TAGS,
    summary="登记线下结果 Made out by hand",
    description=(
        "登记人工开具或红冲的号码，例如财政电子票据系统无接口时。"
        "The number of what a person made out, or took back, elsewhere: where the fiscal receipts "
        "system has no interface."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(InvoiceUnknown, NotWaiting, RequestInvalid, staff=True),
)
async def keep_result(
    principal: NamedDependency[Principal],
    data: JSONBody[ResultAsked],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    invoice_no: Number,
) -> InvoiceDetail:
    """Keep what was done by hand."""
    return await invoice_desk.result(invoice_no, data, by=principal)


@post(
    "/v1/invoices/sellers",
    tags=TAGS,
    summary="备案开票主体 File a seller",
    description=(
        "按生效日期备案，不可修改，新版本自其生效日起替代旧版本。税率为万分之一。"
        "From a day on, never changed; a later version takes its place from its own day on. A rate "
        "is in hundredths of a per cent."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(SellerInvalid, RequestInvalid, staff=True),
)
async def file_seller(
    principal: NamedDependency[Principal],
    data: JSONBody[SellerAsked],
    seller_office: NamedDependency[SellerOffice],
) -> Seller:
    """File a seller."""
    return await seller_office.file(data, by=principal)


@get(
    "/v1/invoices/sellers",
    tags=TAGS,
    summary="开票主体 Sellers",
    description="所有版本。Every version.",
    opt=READ,
    security=SECURITY,
    responses=refusals(staff=True),
)
async def list_sellers(
    principal: NamedDependency[Principal], seller_office: NamedDependency[SellerOffice]
) -> SellerList:
    """List sellers."""
    return await seller_office.sellers(by=principal)


@put(
    "/v1/invoices/listener",
    tags=TAGS,
    summary="设置推送地址 Where to hear of invoices",
    description=(
        "按 Standard Webhooks 签名推送 `invoice.issued`、`invoice.failed`、`invoice.reversed`；"
        "密钥仅显示一次。"
        "Signed as Standard Webhooks has it; the key is shown once and replaces the former one."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(ListenerInvalid, RequestInvalid, staff=True),
)
async def set_listener(
    principal: NamedDependency[Principal],
    data: JSONBody[ListenerAsked],
    seller_office: NamedDependency[SellerOffice],
) -> ListenerSet:
    """Say where an operator hears."""
    return await seller_office.set_listener(data, by=principal)


@post(
    "/v1/invoices/fleet-titles",
    tags=TAGS,
    summary="备案车队抬头 File a fleet's title",
    description=(
        "以税号为准，再次备案即替换。By its tax id; filed again, it replaces what was there."
    ),
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(RequestInvalid, TitleInvalid, staff=True),
)
async def file_fleet(
    principal: NamedDependency[Principal],
    data: JSONBody[FleetAsked],
    title_book: NamedDependency[TitleBook],
) -> FleetDetail:
    """File whom a fleet is invoiced to."""
    return await title_book.file_fleet(data, by=principal)


@get(
    "/v1/invoices/fleet-titles",
    tags=TAGS,
    summary="车队抬头列表 Titles of fleets",
    description="可按车牌查询。By plate, if one is given.",
    opt=READ,
    security=SECURITY,
    responses=refusals(TitleInvalid, staff=True),
)
async def list_fleets(
    principal: NamedDependency[Principal],
    title_book: NamedDependency[TitleBook],
    *,
    plate: Annotated[
        str | None, QueryParameter(min_length=5, max_length=16, description="车牌。Of one car.")
    ] = None,
    after: Annotated[int, QueryParameter(ge=0, le=2**53, description="上一页末尾。After.")] = 0,
    limit: Limit = 50,
) -> FleetPage:
    """List fleets."""
    return await title_book.fleets(plate=plate, after=after, limit=limit, by=principal)


@post(
    "/v1/invoices/fleet-titles/{fleet_title_id:int}/invoices",
    tags=TAGS,
    summary="为车队开票 Invoice a fleet",
    description="订单须属于该车队的车辆。For orders of the fleet's cars.",
    opt=ISSUE,
    security=SECURITY,
    responses=refusals(
        *(TitleUnknown, RequestInvalid, OrderUnknown, OrderStillOpen, NothingPaid, OrderInvoiced),
        *(OrdersDiffer, FiscalReceiptOnly, VatInvoiceOnly, SellerMissing, ChannelNotInvoiced),
        staff=True,
    ),
)
async def invoice_fleet(
    principal: NamedDependency[Principal],
    data: JSONBody[FleetInvoiceAsked],
    invoice_desk: NamedDependency[InvoiceDesk],
    *,
    fleet_title_id: Fleet,
) -> InvoiceView:
    """Have a fleet's orders invoiced to it."""
    return await invoice_desk.invoice_fleet(fleet_title_id, data, by=principal)


HANDLERS = [
    *(list_invoices, show_detail, retry_invoice, take_back, keep_result, file_seller, list_sellers),
    *(set_listener, file_fleet, list_fleets, invoice_fleet),
]
