"""Endpoints of staff accounts, and the guard of every staff endpoint.

Owns: how a request shows who it comes from.
Never: lets a handler that asks for a principal run without one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from onepark.contexts.access.errors import (
    LoginBusy,
    LoginFailed,
    LoginRequired,
    LoginTaken,
    RoleMisplaced,
    TooManyLogins,
)
from onepark.contexts.access.model import Account, Credentials, NewAccount, Session
from onepark.contexts.access.service import Access, Doorkeeper
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def staff_guard(doorkeeper: Doorkeeper) -> Guard:
    """Return the guard of the whole app: it looks only at handlers whose opt names a permission."""

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        permission: Permission | None = handler.opt.get("permission")
        if permission is not None:
            authorization = connection.headers.get("authorization", "")
            connection.state.principal = doorkeeper.admit(authorization, permission)

    return guard


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Return whom the guard let in; a handler that forgot its permission gets nobody."""
    principal = request.state.get("principal")
    if not isinstance(principal, Principal):
        raise LoginRequired("This endpoint is for staff.")
    return principal


@post(
    "/v1/staff/sessions",
    tags=["staff 工作人员"],
    summary="登录 Log in",
    description="登录名和密码换取 15 分钟令牌。Trade login and password for a token of 15 minutes.",
    responses=refusals(LoginFailed, TooManyLogins, LoginBusy),
    cache_control=CacheControlHeader(no_store=True),
)
async def log_in(
    request: Request[Any, Any, Any], data: JSONBody[Credentials], access: NamedDependency[Access]
) -> Session:
    """Say who is there."""
    address = request.client.host if request.client else ""
    return await access.log_in(data, address=address)


@get(
    "/v1/staff/me",
    tags=["staff 工作人员"],
    summary="当前账号 Who am I",
    description="返回令牌所属账号。The account behind the token.",
    opt={"permission": Permission.READ_SELF},
    security=[{"staff": []}],
    responses=refusals(staff=True),
)
async def who_am_i(
    principal: NamedDependency[Principal], access: NamedDependency[Access]
) -> Account:
    """Show one's own account."""
    return await access.me(principal)


@post(
    "/v1/staff/accounts",
    tags=["staff 工作人员"],
    summary="新建账号 Give an account",
    description=(
        "市级管理员可建任何账号；经营单位管理员只可建本单位账号。"
        "A city admin gives any role, an operator admin the two roles of the own operator."
    ),
    opt={"permission": Permission.CREATE_ACCOUNT},
    security=[{"staff": []}],
    responses=refusals(LoginTaken, RoleMisplaced, LoginBusy, staff=True),
)
async def create_account(
    principal: NamedDependency[Principal],
    data: JSONBody[NewAccount],
    access: NamedDependency[Access],
) -> Account:
    """Give an account to somebody."""
    return await access.create_account(data, by=principal)


HANDLERS = [log_in, who_am_i, create_account]
