"""Endpoints of the registry.

Owns: decoding and encoding.
Never: decides.
"""

from datetime import timedelta
from typing import Annotated

from litestar import get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter, QueryParameter

from onepark.contexts.registry.errors import DeviceUnknown, LotUnknown, TooManySecrets
from onepark.contexts.registry.model import IssuedSecret, LotPage, LotView
from onepark.contexts.registry.service import Registry, RegistryOffice
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import DeviceId, LotCode

PAGE_MAX = 200
OVERLAP_MAX_H = 168

After = Annotated[
    str,
    QueryParameter(
        pattern=r"^([0-9]{12})?$(?!\n)",
        description="上一页的 next_after。The next_after of the page before.",
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX, description="每页条数。Lots a page.")]
Device = Annotated[
    str, PathParameter(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)", description="设备编号。Device id.")
]
OverlapHours = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=OVERLAP_MAX_H,
        description=(
            "旧密钥继续有效的小时数，0 立即失效。"
            "Hours that the former key stays good; 0 ends it now."
        ),
    ),
]


@get(
    "/v1/lots/{lot:str}",
    tags=["citizens 市民"],
    summary="停车场信息 One lot",
    description=(
        "停车场名称、位置（WGS-84 与 GCJ-02）、类别、开放时间与出入口。"
        "Names, position in both systems, category, opening hours, pools and lanes."
    ),
    responses=refusals(LotUnknown),
)
async def show_lot(lot: FromPath[str], registry: NamedDependency[Registry]) -> LotView:
    """Show one lot to everybody."""
    return registry.lot_view(LotCode(lot))


@get(
    "/v1/registry/lots",
    tags=["registry 档案"],
    summary="停车场列表 Lots",
    description="按编码分页；经营单位只见本单位。By code, in pages; an operator sees its own.",
    opt={"permission": Permission.READ_REGISTRY},
    security=[{"staff": []}],
    responses=refusals(staff=True),
)
async def list_lots(
    principal: NamedDependency[Principal],
    office: NamedDependency[RegistryOffice],
    after: After = "",
    limit: Limit = 50,
) -> LotPage:
    """List the lots that this person may see."""
    return await office.page_of_lots(after=after, limit=limit, by=principal)


@post(
    "/v1/registry/devices/{device_id:str}/secrets",
    tags=["registry 档案"],
    summary="轮换设备密钥 Rotate a device's key",
    description=(
        "生成新密钥，仅返回一次；旧密钥在重叠期后失效。"
        "Makes a new key and shows it once; the former one ends after the overlap."
    ),
    opt={"permission": Permission.ROTATE_SECRET},
    security=[{"staff": []}],
    responses=refusals(DeviceUnknown, TooManySecrets, staff=True),
    cache_control=CacheControlHeader(no_store=True),
)
async def rotate_secret(
    device_id: Device,
    principal: NamedDependency[Principal],
    office: NamedDependency[RegistryOffice],
    overlap_h: OverlapHours = 24,
) -> IssuedSecret:
    """Give a device a new key."""
    overlap = timedelta(hours=overlap_h)
    return await office.rotate_secret(DeviceId(device_id), overlap=overlap, by=principal)


HANDLERS = [show_lot, list_lots, rotate_secret]
