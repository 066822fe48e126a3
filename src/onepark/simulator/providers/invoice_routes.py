"""The routes of invoices in the simulator.

Owns: the turn from HTTP to a call and back, for invoices.
Never: decides.
"""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler

from onepark.simulator.providers.invoice_forms import InvoiceBehaviour
from onepark.simulator.providers.invoices import FapiaoLine, WechatInvoiceDesk
from onepark.simulator.providers.wire import Call, Reply

BASE = "/v3/new-tax-control-fapiao/fapiao-applications"


def as_response(reply: Reply) -> Response[bytes]:
    """Send a reply byte for byte: it may be signed."""
    return Response(
        reply.body,
        status_code=reply.status,
        headers=dict(reply.headers),
        media_type=reply.media_type,
    )


@post(f"{BASE}/real-estate-leasing", status_code=202)
async def apply(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> Response[bytes]:
    """Take an application."""
    return as_response(await wechat_invoices.apply(call))


@get(f"{BASE}/{{fapiao_apply_id:str}}")
async def show(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> Response[bytes]:
    """Tell of an application."""
    return as_response(await wechat_invoices.show(call))


@post(f"{BASE}/{{fapiao_apply_id:str}}/reverse", status_code=202)
async def reverse(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> Response[bytes]:
    """Take an invoice back."""
    return as_response(await wechat_invoices.reverse(call))


@get(f"{BASE}/{{fapiao_apply_id:str}}/fapiao-files")
async def files(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> Response[bytes]:
    """Tell where files lie."""
    return as_response(await wechat_invoices.files(call))


@get("/invoicing/fapiao-file")
async def file(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> Response[bytes]:
    """Hand a file out."""
    return as_response(await wechat_invoices.file(call))


@get("/_simulator/invoices")
async def show_books(wechat_invoices: NamedDependency[WechatInvoiceDesk]) -> list[FapiaoLine]:
    """Show every application, of a tester."""
    return wechat_invoices.books()


@post("/_simulator/invoices/behaviour", status_code=200)
async def change_behaviour(
    call: NamedDependency[Call], wechat_invoices: NamedDependency[WechatInvoiceDesk]
) -> dict[str, Any]:
    """Say how applications are treated from now on; what is not named is as on an ordinary day."""
    try:
        wechat_invoices.behaviour = msgspec.json.decode(call.body, type=InvoiceBehaviour)
    except msgspec.DecodeError as error:
        raise ValidationException(str(error)) from error
    return msgspec.structs.asdict(wechat_invoices.behaviour)


ROUTES: list[HTTPRouteHandler] = [
    *(apply, show, reverse, files, file, show_books, change_behaviour),
]
