"""Endpoints of staff who keep white lists and fleets.

Owns: nothing but the way from a request to an office.
Never: decides.
"""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from onepark.contexts.membership.errors import (
    CarInFleet,
    CarNotInFleet,
    EntryUnknown,
    FleetUnknown,
    LotUnknown,
    OperatorNotNamed,
    PlateInvalid,
    TermInvalid,
)
from onepark.contexts.membership.http import TAGS
from onepark.contexts.membership.lists import (
    CarAsked,
    EntryAsked,
    EntryPage,
    EntryView,
    FleetAsked,
    FleetPage,
    FleetView,
    Lists,
)
from onepark.contexts.membership.staff_http import MINE, After, Limit, Number
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal


@post(
    "/v1/passes/white-list",
    tags=TAGS,
    summary="加入白名单 Let a car park free",
    description="须写明理由，记录审批人。Say why; who approved it is kept.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(LotUnknown, OperatorNotNamed, PlateInvalid, TermInvalid, staff=True),
)
async def let_in(
    principal: NamedDependency[Principal],
    data: JSONBody[EntryAsked],
    lists: NamedDependency[Lists],
) -> EntryView:
    """Let a car park free."""
    return await lists.let_in(data, by=principal)


@get(
    "/v1/passes/white-list",
    tags=TAGS,
    summary="白名单 White list",
    description="本单位的白名单。Entries of your operator.",
    opt={"permission": Permission.READ_PASSES},
    security=MINE,
    responses=refusals(staff=True),
)
async def list_entries(
    principal: NamedDependency[Principal],
    lists: NamedDependency[Lists],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> EntryPage:
    """List entries."""
    return await lists.entries(after=after, limit=limit, by=principal)


@post(
    "/v1/passes/white-list/{entry_id:int}/endings",
    status_code=200,
    tags=TAGS,
    summary="移出白名单 End an entry",
    description="即时失效。It ends now.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(EntryUnknown, staff=True),
)
async def end_entry(
    principal: NamedDependency[Principal],
    lists: NamedDependency[Lists],
    *,
    entry_id: Number,
) -> EntryView:
    """End an entry."""
    return await lists.end_entry(entry_id, by=principal)


@post(
    "/v1/passes/fleets",
    tags=TAGS,
    summary="新建车队 Open a fleet",
    description="多车共用若干同时免费名额，按停车场计。Many cars share so many seats in each lot.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(LotUnknown, OperatorNotNamed, TermInvalid, staff=True),
)
async def open_fleet(
    principal: NamedDependency[Principal],
    data: JSONBody[FleetAsked],
    lists: NamedDependency[Lists],
) -> FleetView:
    """Open a fleet."""
    return await lists.open_fleet(data, by=principal)


@get(
    "/v1/passes/fleets",
    tags=TAGS,
    summary="车队列表 Fleets",
    description="本单位的车队。Fleets of your operator.",
    opt={"permission": Permission.READ_PASSES},
    security=MINE,
    responses=refusals(staff=True),
)
async def list_fleets(
    principal: NamedDependency[Principal],
    lists: NamedDependency[Lists],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> FleetPage:
    """List fleets."""
    return await lists.fleets(after=after, limit=limit, by=principal)


@get(
    "/v1/passes/fleets/{fleet_id:int}",
    tags=TAGS,
    summary="车队及其车辆 A fleet with its cars",
    description="名额与车辆。Its seats and cars.",
    opt={"permission": Permission.READ_PASSES},
    security=MINE,
    responses=refusals(FleetUnknown, staff=True),
)
async def show_fleet(
    principal: NamedDependency[Principal],
    lists: NamedDependency[Lists],
    *,
    fleet_id: Number,
) -> FleetView:
    """Show a fleet."""
    return await lists.fleet(fleet_id, by=principal)


@post(
    "/v1/passes/fleets/{fleet_id:int}/cars",
    tags=TAGS,
    summary="车辆加入车队 Add a car",
    description="即时生效。It counts from now on.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(CarInFleet, FleetUnknown, PlateInvalid, TermInvalid, staff=True),
)
async def add_fleet_car(
    principal: NamedDependency[Principal],
    data: JSONBody[CarAsked],
    lists: NamedDependency[Lists],
    *,
    fleet_id: Number,
) -> FleetView:
    """Add a car to a fleet."""
    return await lists.add_car(fleet_id, data, by=principal)


@post(
    "/v1/passes/fleets/{fleet_id:int}/cars/removals",
    status_code=200,
    tags=TAGS,
    summary="车辆移出车队 Remove a car",
    description="即时失效。It counts no longer.",
    opt={"permission": Permission.MANAGE_PASSES},
    security=MINE,
    responses=refusals(CarNotInFleet, FleetUnknown, PlateInvalid, staff=True),
)
async def remove_fleet_car(
    principal: NamedDependency[Principal],
    data: JSONBody[CarAsked],
    lists: NamedDependency[Lists],
    *,
    fleet_id: Number,
) -> FleetView:
    """Remove a car from a fleet."""
    return await lists.remove_car(fleet_id, data, by=principal)


HANDLERS = [
    let_in,
    list_entries,
    end_entry,
    open_fleet,
    list_fleets,
    show_fleet,
    add_fleet_car,
    remove_fleet_car,
]
