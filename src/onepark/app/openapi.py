"""The OpenAPI 3.1 document of the whole platform and the pages that show it.

Owns: its titles, tags and security schemes, and what the framework cannot see: the bodies and query
strings that a handler reads by itself. A handler names those in its ``opt``: ``body`` or ``query``
is a Struct, and ``body_raw`` says that the bytes are a provider's own; ``body_example`` is an
example of any body.
Never: sends a browser to another host: the pages come from a wheel, and a policy says so too.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.params import FromPath
from litestar.routes import HTTPRoute
from msgspec import Struct
from swagger_ui_bundle import swagger_ui_path

from onepark.infra.openapi import PROBLEM_MEDIA_TYPE, Problem

PATH = "/schema"
REF = "#/components/schemas/{name}"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Schema: TypeAlias = Mapping[str, Any]

INVALID = "`http.invalid_request` 请求无效 The request is not valid."
TOO_LARGE = "`http.body_too_large` 请求体过大 The body is too large."

TITLE = "停车一张网 OnePark"
DESCRIPTION = """\
全市停车平台的公开接口：市民查询空位与缴费，道闸设备上报过车，支付机构回调，工作人员管理。

The public API of a city's parking platform: citizens look for room and pay, gates report cars,
payment providers call back, staff manage.

* UTF-8 JSON；时间为带时区的 RFC 3339；金额单位为分（`_fen`）；坐标字段注明坐标系。
  Instants carry an offset, amounts are whole fen, a coordinate names its system.
* 错误为 RFC 9457 `application/problem+json`，`code` 稳定不变，供程序判断。
  Errors are problems; programs decide by `code`, which never changes.
* 每个应答带 `X-Request-Id`，报障时请附上。Every answer carries one; name it in a report.
"""

TAGS = {
    "citizens 市民": "停车场 Lots, without an account",
    "orders 订单": "应缴与订单 Dues and orders, without an account",
    "stays 停车记录": "误识别出场，供工作人员 Misread exits, for staff",
    "vacancies 空位": "空位，实时与历史 Vacancies, live and past",
    "tariffs 计费": "收费规则与试算 Tariffs and quotes",
    "filing 收费备案": "起草、校验、发布与启用收费规则 Tariffs from draft to force, for staff",
    "payments 支付": "缴费与支付回调 Payments and the notices of providers",
    "passes 通行证": "月卡、白名单与车队 Passes, white lists and fleets",
    "coupons 优惠券": "商户优惠券 Coupons of merchants",
    "settlement 清分结算": "合同、清分、结算单与付款 Contracts, clearing and payouts, for staff",
    "reconciliation 对账": "账单核对与差异处理 Bills compared with our books, for staff",
    "invoices 发票": "开票、红冲与下载 Invoices: made out, taken back, handed out",
    "webhooks 推送": "向经营单位推送支付与退款 Operators' servers, told of payments",
    "gate 道闸与设备": "设备上报与指令，须签名 Devices, signed",
    "registry 档案": "停车场与设备档案 Lots and devices, for staff",
    "staff 工作人员": "账号、登录与审计 Accounts, logging in and the audit trail",
    "probes 探针": "运行状态 The state of this process",
}

DEVICE_HEADERS = {
    "device": ("onepark-device", "设备编号 The device's id"),
    "message": ("webhook-id", "每条消息唯一 Unique to the message"),
    "timestamp": ("webhook-timestamp", "Unix 秒，±300 秒内有效 Unix seconds, good for ±300 s"),
    "signature": (
        "webhook-signature",
        "v1,<base64 HMAC-SHA256(`id.timestamp.body`)>，见 Standard Webhooks",
    ),
}
STAFF = SecurityScheme(
    type="http", scheme="bearer", bearer_format="JWT", description="POST /v1/staff/sessions"
)

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
START = """\
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null,
  displayRequestDuration: true, filter: true, tryItOutEnabled: true
});
"""
PAGE = f"""\
<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE}</title>
<base href="{PATH}/">
<link rel="icon" type="image/png" href="ui/favicon-32x32.png">
<link rel="stylesheet" href="ui/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="ui/swagger-ui-bundle.js"></script>
<script src="ui/start.js"></script>
</body>
</html>
"""


def openapi_config(version: str) -> OpenAPIConfig:
    """Return what the app is made with; the document is at /schema/openapi.json."""
    schemes = {
        name: SecurityScheme(
            type="apiKey", security_scheme_in="header", name=header, description=what
        )
        for name, (header, what) in DEVICE_HEADERS.items()
    }
    return OpenAPIConfig(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name=name, description=what) for name, what in TAGS.items()],
        components=Components(security_schemes={**schemes, "staff": STAFF}),
        openapi_router=Router(
            PATH,
            route_handlers=[show_asset],
            include_in_schema=False,
            response_headers=PAGE_HEADERS,
        ),
        render_plugins=[Page(), Document()],
    )


class Page(OpenAPIRenderPlugin):
    """Swagger UI over the files of the swagger-ui-bundle-v2 wheel."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the page; the document is loaded by it."""
        return PAGE.encode()


class Document(OpenAPIRenderPlugin):
    """The document as JSON, made once an app."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=MediaType.JSON)
        self._json: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        """Return the whole document."""
        if self._json is None:
            self._json = msgspec.json.encode(document(request.app))
        return self._json


@get(
    "/ui/{name:str}",
    media_type="application/octet-stream",
    cache_control=CacheControlHeader(max_age=86_400, public=True),
)
async def show_asset(name: FromPath[str]) -> Response[bytes]:
    """Show a file of the pages."""
    if name == "start.js":
        return Response(START.encode(), media_type="text/javascript")
    if name not in ASSETS:
        raise NotFoundException
    return Response(_asset(name), media_type=ASSETS[name])


@cache
def _asset(name: str) -> bytes:
    return Path(str(swagger_ui_path), name).read_bytes()


# --- the document


def document(app: Litestar) -> dict[str, Any]:
    """Return the document of an app, with what its handlers read by themselves."""
    whole: dict[str, Any] = app.openapi_schema.to_schema()
    operations = list(_operations(app, whole))
    bodies = {handler.opt["body"] for _, handler in operations if "body" in handler.opt}
    schemas = _add_components(whole, [Problem, *sorted(bodies, key=lambda kind: kind.__qualname__)])
    for operation, handler in operations:
        _add_query(operation, handler.opt)
        _add_body(operation, handler.opt, schemas)
        _add_problems(operation, schemas[Problem])
    return whole


def _operations(
    app: Litestar, whole: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], HTTPRouteHandler]]:
    """Yield each operation of the document with its handler."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            operation = whole["paths"].get(route.path_format or "/", {}).get(method.lower())
            if operation is not None:
                yield operation, handler


def _add_query(operation: dict[str, Any], opt: Mapping[str, Any]) -> None:
    if "query" not in opt:
        return
    _, components = msgspec.json.schema_components([opt["query"]], ref_template=REF)
    query = components[opt["query"].__name__]
    parameters = operation.setdefault("parameters", [])
    for name, schema in query["properties"].items():
        parameters.append(_parameter(name, dict(schema), required=name in query["required"]))


def _parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """Return one query parameter; a query string has no null, only a name that is not there."""
    described = {"description": schema.pop("description", name)}
    kinds = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    if kinds:
        schema |= kinds[0]
    if schema.get("default", ...) is None:
        del schema["default"]
    return {"name": name, "in": "query", "required": required, **described, "schema": schema}


def _add_body(
    operation: dict[str, Any], opt: Mapping[str, Any], schemas: Mapping[type[Struct], Schema]
) -> None:
    if "body" in opt:
        media: dict[str, Any] = {"schema": schemas[opt["body"]]}
        if "body_example" in opt:
            media["example"] = opt["body_example"]
        operation["requestBody"] = {"required": True, "content": {JSON: media}}
    elif "body_example" in opt:
        operation["requestBody"]["content"][JSON]["example"] = opt["body_example"]
    elif opt.get("body_raw"):
        anything = {"schema": {"type": "object"}}
        operation["requestBody"] = {"required": True, "content": {JSON: anything, FORM: anything}}


def _add_problems(operation: dict[str, Any], problem: Schema) -> None:
    """Say what any operation may answer: the framework's own words for it are replaced."""
    responses: dict[str, Any] = operation.setdefault("responses", {})
    if _is_the_frameworks(responses.get("400", {})):
        del responses["400"]
    told = {"content": {PROBLEM_MEDIA_TYPE: {"schema": problem}}}
    if "requestBody" in operation or operation.get("parameters"):
        responses.setdefault("400", {"description": INVALID, **told})
    if "requestBody" in operation:
        responses.setdefault("413", {"description": TOO_LARGE, **told})


def _is_the_frameworks(response: Mapping[str, Any]) -> bool:
    schema = response.get("content", {}).get(JSON, {}).get("schema", {})
    return "status_code" in schema.get("properties", ())


def _add_components(
    whole: dict[str, Any], kinds: Sequence[type[Struct]]
) -> dict[type[Struct], Schema]:
    """Add the schemas of these Structs and of what they hold; return how each is referred to."""
    known: dict[str, Any] = whole.setdefault("components", {}).setdefault("schemas", {})
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    for name, schema in components.items():
        there = known.setdefault(name, schema)
        if set(there.get("properties", ())) != set(schema.get("properties", ())):
            raise TwoSchemas(f"two Structs are called {name}: rename one")
    return dict(zip(kinds, schemas, strict=True))


class TwoSchemas(Exception):
    """Two different Structs of one name would be one schema in the document."""
