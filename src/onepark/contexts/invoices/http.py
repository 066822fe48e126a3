"""Endpoints of whoever wants an invoice.

Owns: nothing but the way from a request to the counter and the title book.
Never: decides.
"""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.invoices.errors import (
    ChannelNotInvoiced,
    FileMissing,
    FiscalReceiptOnly,
    InvoiceUnknown,
    NothingPaid,
    OrderInvoiced,
    OrdersDiffer,
    OrderStillOpen,
    PaymentUnknown,
    ProviderDeclined,
    ProviderUnavailable,
    RequestInvalid,
    SellerMissing,
    TitleInvalid,
    TitleUnknown,
    TooManyRequests,
    VatInvoiceOnly,
)
from onepark.contexts.invoices.model import (
    INVOICE_NO_PATTERN,
    TOKEN_PATTERN,
    FileFormat,
    InvoiceAsked,
    Title,
)
from onepark.contexts.invoices.service import InvoiceCounter, Invoices, InvoiceView
from onepark.contexts.invoices.titles import KeptTitle, TitleBook
from onepark.contexts.stays.errors import OrderUnknown
from onepark.infra.openapi import refusals
from onepark.infra.peers import address_of

TAGS = ["invoices 发票"]

Number = Annotated[
    str,
    PathParameter(
        pattern=INVOICE_NO_PATTERN,
        description="发票申请号，凭此查询 The number that POST answered",
        examples=[],
    ),
]
Token = Annotated[
    str,
    PathParameter(pattern=TOKEN_PATTERN, description="抬头凭证 The title's token", examples=[]),
]


@post(
    "/v1/invoices",
    tags=TAGS,
    summary="申请开票 Ask for an invoice",
    description=(
        "凭订单号开具，可多单合并（同一经营单位）；金额为实付减已退，由平台计算。相同内容再次提交返回同一张。"
        "政府非税收入订单只开财政电子票据。离场后方可开票。"
        "For one or more paid orders of one operator, once the cars have left. The amount is what "
        "stays paid. The same request again answers the same invoice. For non-tax revenue a fiscal "
        "receipt is made out, never a VAT invoice."
    ),
    responses=refusals(
        *(TitleInvalid, TitleUnknown, RequestInvalid, OrderUnknown, OrderStillOpen, NothingPaid),
        PaymentUnknown,
        *(OrderInvoiced, OrdersDiffer, FiscalReceiptOnly, VatInvoiceOnly, SellerMissing),
        *(ChannelNotInvoiced, TooManyRequests),
    ),
)
async def ask_invoice(
    request: Request[Any, Any, Any],
    data: JSONBody[InvoiceAsked],
    invoice_counter: NamedDependency[InvoiceCounter],
) -> InvoiceView:
    """Somebody who paid wants an invoice."""
    return await invoice_counter.request(data, address=address_of(request))


@get(
    "/v1/invoices/{invoice_no:str}",
    tags=TAGS,
    summary="查询发票 One invoice",
    description="凭申请号查询开票结果。What became of an invoice, by its number.",
    responses=refusals(InvoiceUnknown),
)
async def show_invoice(
    invoices: NamedDependency[Invoices],
    *,
    invoice_no: Number,
) -> InvoiceView:
    """Show one invoice."""
    return await invoices.show(invoice_no)


@get(
    "/v1/invoices/{invoice_no:str}/file",
    tags=TAGS,
    summary="下载发票 The file of an invoice",
    description=(
        "开具后可下载，格式以开票服务提供的为准。"
        "Once it is issued, in the formats that its provider gives."
    ),
    responses={
        **refusals(InvoiceUnknown, FileMissing, ProviderUnavailable, ProviderDeclined),
        200: ResponseSpec(None, description="发票文件 The file itself"),
    },
)
async def show_file(
    invoices: NamedDependency[Invoices],
    *,
    invoice_no: Number,
    format_: Annotated[
        FileFormat, QueryParameter(name="format", description="格式 As what it is wanted")
    ] = FileFormat.PDF,
) -> Response[bytes]:
    """Hand an invoice out."""
    file = await invoices.file(invoice_no, format_)
    name = f'attachment; filename="{invoice_no}.{format_.value}"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(file.body, media_type=file.media_type, headers=headers)


@post(
    "/v1/invoices/titles",
    tags=TAGS,
    summary="保存抬头 Keep a title",
    description=(
        "返回只有持有者知道的凭证，开票时填写 title_token 即可；两年未使用自动删除。"
        "The answer holds a token that nobody else knows; name it as title_token when asking for "
        "an invoice. What nobody used for two years is forgotten."
    ),
    responses=refusals(TitleInvalid, TooManyRequests),
)
async def keep_title(
    request: Request[Any, Any, Any],
    data: JSONBody[Title],
    title_book: NamedDependency[TitleBook],
    invoice_counter: NamedDependency[InvoiceCounter],
) -> KeptTitle:
    """Somebody wants a title remembered."""
    await invoice_counter.take(address_of(request))
    return await title_book.keep(data)


@get(
    "/v1/invoices/titles/{title_token:str}",
    tags=TAGS,
    summary="查询抬头 A kept title",
    description="凭凭证查询。By its token.",
    responses=refusals(TitleUnknown),
)
async def show_title(title_book: NamedDependency[TitleBook], *, title_token: Token) -> KeptTitle:
    """Show a title to whoever holds its token."""
    return KeptTitle(title_token, await title_book.use(title_token))


@delete(
    "/v1/invoices/titles/{title_token:str}",
    tags=TAGS,
    summary="删除抬头 Forget a title",
    description="立即删除。It is gone at once.",
    responses=refusals(TitleUnknown),
)
async def forget_title(title_book: NamedDependency[TitleBook], *, title_token: Token) -> None:
    """Forget a title."""
    await title_book.forget(title_token)


HANDLERS = [ask_invoice, show_invoice, show_file, keep_title, show_title, forget_title]
