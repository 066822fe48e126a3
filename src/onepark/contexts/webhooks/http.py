"""Endpoints of staff who say where their operator is told of payments.

Owns: decoding and encoding.
Never: decides.
"""

from datetime import timedelta
from typing import Annotated

from litestar import delete, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.webhooks.errors import (
    DeliveryUnknown,
    EndpointKnown,
    EndpointUnknown,
    OperatorOnly,
    TooManyEndpoints,
    TooManySecrets,
    UrlRefused,
)
from onepark.contexts.webhooks.model import (
    DeliveryPage,
    DeliveryState,
    Endpoints,
    IssuedEndpoint,
    NewEndpoint,
)
from onepark.contexts.webhooks.service import WebhookOffice
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

TAGS = ["webhooks 推送"]
NUMBER_MAX = 2**53 - 1
STAFF = [{"staff": list[str]()}]
READ = {"permission": Permission.READ_WEBHOOKS}
MANAGE = {"permission": Permission.MANAGE_WEBHOOKS}

Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="编号。Its number.")]
OverlapHours = Annotated[
    int, QueryParameter(ge=0, le=168, description="旧密钥仍有效的小时数。Hours of overlap.")
]
OfEndpoint = Annotated[
    int | None,
    QueryParameter(ge=1, le=NUMBER_MAX, description="推送端点。Only of this endpoint."),
]
Before = Annotated[
    int | None,
    QueryParameter(
        ge=1, le=NUMBER_MAX, description="上一页的 next_before。The next_before of the page before."
    ),
]
State = Annotated[
    DeliveryState | None, QueryParameter(name="state", description="状态。Only in this state.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="每页条数。Rows a page.")]


@get(
    "/v1/webhooks/endpoints",
    tags=TAGS,
    summary="推送端点 Endpoints",
    description="本单位的推送端点及其积压。Where the operator is told, and what waits there.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_endpoints(
    principal: NamedDependency[Principal], webhook_office: NamedDependency[WebhookOffice]
) -> Endpoints:
    """List the endpoints that this person may see."""
    return await webhook_office.endpoints(by=principal)


@post(
    "/v1/webhooks/endpoints",
    tags=TAGS,
    summary="登记推送端点 Register an endpoint",
    description=(
        "登记本单位接收支付与退款事实的 HTTPS 地址；返回的密钥仅显示一次。"
        "推送按 Standard Webhooks 签名，至少一次，同一 webhook-id 视为同一消息；"
        "失败后按 5 秒至 24 小时间隔重试。"
        "Names an HTTPS address that is told of payments and refunds; the key is shown this once. "
        "Messages are signed as Standard Webhooks has it and come at least once: one webhook-id is "
        "one message. One that is not answered with 2xx is tried again after 5 s, and less and less"
        " often up to 24 h."
    ),
    opt=MANAGE,
    security=STAFF,
    responses=refusals(UrlRefused, EndpointKnown, TooManyEndpoints, OperatorOnly, staff=True),
    cache_control=CacheControlHeader(no_store=True),
)
async def register_endpoint(
    data: JSONBody[NewEndpoint],
    principal: NamedDependency[Principal],
    webhook_office: NamedDependency[WebhookOffice],
) -> IssuedEndpoint:
    """Add an endpoint."""
    return await webhook_office.register(data, by=principal)


@post(
    "/v1/webhooks/endpoints/{endpoint_id:int}/secrets",
    tags=TAGS,
    summary="轮换推送密钥 Rotate an endpoint's key",
    description=(
        "生成新密钥，仅返回一次；重叠期内每条推送同时带新旧两个签名。"
        "Makes a new key and shows it once; until the overlap ends messages carry both signatures."
    ),
    opt=MANAGE,
    security=STAFF,
    responses=refusals(EndpointUnknown, TooManySecrets, staff=True),
    cache_control=CacheControlHeader(no_store=True),
)
async def rotate_endpoint_secret(
    endpoint_id: Number,
    principal: NamedDependency[Principal],
    webhook_office: NamedDependency[WebhookOffice],
    overlap_h: OverlapHours = 24,
) -> IssuedEndpoint:
    """Give an endpoint a new key."""
    overlap = timedelta(hours=overlap_h)
    return await webhook_office.rotate(endpoint_id, overlap=overlap, by=principal)


@delete(
    "/v1/webhooks/endpoints/{endpoint_id:int}",
    tags=TAGS,
    summary="停用推送端点 End an endpoint",
    description="停止推送，未送达的消息放弃。Ends the endpoint; what waits for it is given up.",
    opt=MANAGE,
    security=STAFF,
    responses=refusals(EndpointUnknown, staff=True),
)
async def end_endpoint(
    endpoint_id: Number,
    principal: NamedDependency[Principal],
    webhook_office: NamedDependency[WebhookOffice],
) -> None:
    """End an endpoint."""
    await webhook_office.end(endpoint_id, by=principal)


@get(
    "/v1/webhooks/deliveries",
    tags=TAGS,
    summary="推送记录 Deliveries",
    description="按时间倒序。What was told and what waits, newest first.",
    opt=READ,
    security=STAFF,
    responses=refusals(staff=True),
)
async def list_deliveries(
    principal: NamedDependency[Principal],
    webhook_office: NamedDependency[WebhookOffice],
    *,
    endpoint: OfEndpoint = None,
    in_state: State = None,
    before: Before = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """List deliveries that this person may see."""
    return await webhook_office.page(
        endpoint, before=before, state=in_state, limit=limit, by=principal
    )


@post(
    "/v1/webhooks/deliveries/{delivery_id:int}/retries",
    status_code=204,
    tags=TAGS,
    summary="重新推送 Try a delivery again",
    description="重试次数用尽的消息从头再试。A message that was given up is tried anew.",
    opt=MANAGE,
    security=STAFF,
    responses=refusals(DeliveryUnknown, staff=True),
)
async def retry_delivery(
    delivery_id: Number,
    principal: NamedDependency[Principal],
    webhook_office: NamedDependency[WebhookOffice],
) -> None:
    """Have a dead delivery tried again."""
    await webhook_office.retry(delivery_id, by=principal)


HANDLERS = [
    list_endpoints,
    register_endpoint,
    rotate_endpoint_secret,
    end_endpoint,
    list_deliveries,
    retry_delivery,
]
