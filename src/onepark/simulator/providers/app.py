"""The simulator as one ASGI application.

Owns: its routes, its wiring, and the turn from HTTP to a call and back.
Never: keeps anything beyond the process; only the keys outlive it.
"""

from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.di import NamedDependency, Provide

from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient
from onepark.simulator.providers import bill_desk, control, invoice_routes
from onepark.simulator.providers.alipay import AlipayDesk, AlipayWords
from onepark.simulator.providers.alipay_refunds import AlipayRefundDesk
from onepark.simulator.providers.bill_desk import BillDesk
from onepark.simulator.providers.control import Control
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.invoices import WechatInvoiceDesk
from onepark.simulator.providers.jsbank import JsbankDesk, JsbankWords
from onepark.simulator.providers.keys import Keys
from onepark.simulator.providers.pyun import PyunDesk, PyunWords
from onepark.simulator.providers.refunds import RefundBook
from onepark.simulator.providers.trades import Behaviours, Book, Provider
from onepark.simulator.providers.unionpay import UnionpayDesk, UnionpayWords
from onepark.simulator.providers.wechat import WechatDesk, WechatWords
from onepark.simulator.providers.wechat_refunds import WechatRefundDesk
from onepark.simulator.providers.wire import Call, Dialect, Reply

BODY_BYTES_MAX = 65_536
ORDERS = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"


async def as_call(request: Request[Any, Any, Any]) -> Call:
    """Read a request whole and as it came."""
    query = request.scope["query_string"].decode("latin-1")
    return Call(
        method=request.method,
        target=request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )


def as_response(reply: Reply) -> Response[bytes]:
    """Send a reply byte for byte: it may be signed."""
    return Response(
        reply.body,
        status_code=reply.status,
        headers=dict(reply.headers),
        media_type=reply.media_type,
    )


@get("/livez", media_type="text/plain")
async def livez() -> str:
    """Say that the process serves."""
    return "ok"


@post([f"{ORDERS}/native", f"{ORDERS}/h5", f"{ORDERS}/jsapi"], status_code=200)
async def wechat_create(
    call: NamedDependency[Call], wechat: NamedDependency[WechatDesk]
) -> Response[bytes]:
    """Place an order."""
    return as_response(await wechat.create(call))


@get(f"{ORDERS}/out-trade-no/{{out_trade_no:str}}")
async def wechat_query(
    call: NamedDependency[Call], wechat: NamedDependency[WechatDesk]
) -> Response[bytes]:
    """Tell of a trade."""
    return as_response(await wechat.query(call))


@post(f"{ORDERS}/out-trade-no/{{out_trade_no:str}}/close", status_code=200)
async def wechat_close(
    call: NamedDependency[Call], wechat: NamedDependency[WechatDesk]
) -> Response[bytes]:
    """Close an unpaid trade."""
    return as_response(await wechat.close(call))


@post(REFUNDS, status_code=200)
async def wechat_refund(
    call: NamedDependency[Call], wechat: NamedDependency[WechatRefundDesk]
) -> Response[bytes]:
    """Give money back."""
    return as_response(await wechat.refund(call))


@get(f"{REFUNDS}/{{out_refund_no:str}}")
async def wechat_query_refund(
    call: NamedDependency[Call], wechat: NamedDependency[WechatRefundDesk]
) -> Response[bytes]:
    """Tell of a refund."""
    return as_response(await wechat.query_refund(call))


@post("/gateway.do", status_code=200)
async def alipay_gateway(
    call: NamedDependency[Call], alipay: NamedDependency[AlipayDesk]
) -> Response[bytes]:
    """Take any call of Alipay's form gateway."""
    return as_response(await alipay.gateway(call))


@post("/gateway/api/backTransReq.do", status_code=200)
async def unionpay_gateway(
    call: NamedDependency[Call], unionpay: NamedDependency[UnionpayDesk]
) -> Response[bytes]:
    """Take any call of UnionPay's gateway."""
    return as_response(await unionpay.gateway(call))


@post("/gate/1.0/payment/trade/prepare", status_code=200)
async def pyun_prepare(
    call: NamedDependency[Call], pyun: NamedDependency[PyunDesk]
) -> Response[bytes]:
    """Make a link."""
    return as_response(await pyun.prepare(call))


@get("/gate/1.0/payment/trade/query")
async def pyun_query(
    call: NamedDependency[Call], pyun: NamedDependency[PyunDesk]
) -> Response[bytes]:
    """Tell of a trade."""
    return as_response(await pyun.query(call))


@post("/eis/merchant/merchantServices.htm", status_code=200)
async def jsbank_services(
    call: NamedDependency[Call], jsbank: NamedDependency[JsbankDesk]
) -> Response[bytes]:
    """Take any call of the bank."""
    return as_response(await jsbank.services(call))


@post("/gate/1.0/payment/trade/refund", status_code=200)
async def pyun_refund(
    call: NamedDependency[Call], pyun: NamedDependency[PyunDesk]
) -> Response[bytes]:
    """Give money back."""
    return as_response(await pyun.refund(call))


@get("/gate/1.0/payment/trade/refund")
async def pyun_query_refund(
    call: NamedDependency[Call], pyun: NamedDependency[PyunDesk]
) -> Response[bytes]:
    """Tell of a refund."""
    return as_response(await pyun.query_refund(call))


ACQUIRER_ROUTES = [
    unionpay_gateway,
    pyun_prepare,
    pyun_query,
    pyun_refund,
    pyun_query_refund,
    jsbank_services,
]


def make_app(
    keys: Keys, client: HttpClient, clock: Clock, *, book: Book | None = None
) -> tuple[Litestar, Courier]:
    """Wire the simulator, with trades that it knows already; who serves it closes its courier."""
    book, refunds, behaviours = book or Book(), RefundBook(), Behaviours()
    words: dict[Provider, Dialect] = {
        Provider.WECHAT: WechatWords(keys),
        Provider.ALIPAY: AlipayWords(keys),
        Provider.UNIONPAY: UnionpayWords(keys.acquirers),
        Provider.PYUN: PyunWords(keys.acquirers),
        Provider.JSBANK: JsbankWords(keys.acquirers),
    }
    courier = Courier(client, clock, behaviours=behaviours, refunds=refunds, dialects=words)
    desk: dict[str, Any] = {"book": book, "refunds": refunds, "courier": courier}
    bills = BillDesk(clock, book=book, refunds=refunds)
    alipay = AlipayRefundDesk(keys, clock, **desk)
    alipay.take_calls({"alipay.data.dataservice.bill.downloadurl.query": bills.alipay})
    parts = {
        "bill_desk": bills,
        "wechat": WechatRefundDesk(keys, clock, **desk),
        "unionpay": UnionpayDesk(keys.acquirers, clock, **desk),
        "pyun": PyunDesk(keys.acquirers, clock, **desk),
        "jsbank": JsbankDesk(keys.acquirers, clock, **desk),
        "alipay": alipay,
        "wechat_invoices": WechatInvoiceDesk(keys, clock, book=book, courier=courier),
        "control": Control(clock, behaviours=behaviours, **desk),
    }
    app = Litestar(
        [
            livez,
            wechat_create,
            wechat_query,
            wechat_close,
            wechat_refund,
            wechat_query_refund,
            alipay_gateway,
            *ACQUIRER_ROUTES,
            *control.ROUTES,
            *bill_desk.ROUTES,
            *invoice_routes.ROUTES,
        ],
        dependencies={
            "call": Provide(as_call),
            **{name: _fixed(part) for name, part in parts.items()},
        },
        openapi_config=None,
        request_max_body_size=BODY_BYTES_MAX,
    )
    return app, courier


def _fixed(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
