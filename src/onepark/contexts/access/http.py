"""Endpoints of one's own account, and the guard of every staff endpoint.

Owns: how a request shows who it comes from.
Never: lets a handler that asks for a principal run without one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, delete, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from onepark.contexts.access.doorkeeper import Doorkeeper
from onepark.contexts.access.errors import (
    CodeWrong,
    EnrolmentAbsent,
    LoginBusy,
    LoginFailed,
    LoginRequired,
    PasswordWeak,
    SecondFactorAbsent,
    SecondFactorNeeded,
    TooManyCodes,
    TooManyLogins,
)
from onepark.contexts.access.model import (
    Account,
    Confirmed,
    Credentials,
    Enrolment,
    PasswordChange,
    PasswordGiven,
    Refresh,
    Session,
    StepUp,
)
from onepark.contexts.access.service import Access
from onepark.infra.openapi import refusals
from onepark.infra.peers import address_of
from onepark.kernel.staff import Permission, Principal

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]

TAGS = ["staff 工作人员"]
SECURITY: list[dict[str, list[str]]] = [{"staff": []}]
OWN = {"permission": Permission.READ_SELF}
NO_STORE = CacheControlHeader(no_store=True)


def staff_guard(doorkeeper: Doorkeeper) -> Guard:
    """Return the guard of the whole app: it looks only at handlers whose opt names a permission."""

    async def guard(
        connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        permission: Permission | None = handler.opt.get("permission")
        if permission is not None:
            authorization = connection.headers.get("authorization", "")
            connection.state.principal = await doorkeeper.admit(authorization, permission)

    return guard


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """Return whom the guard let in; a handler that forgot its permission gets nobody."""
    principal = request.state.get("principal")
    if not isinstance(principal, Principal):
        raise LoginRequired("This endpoint is for staff.")
    return principal


@post(
    "/v1/staff/sessions",
    tags=TAGS,
    summary="登录 Log in",
    description=(
        "登录名和密码换取 15 分钟令牌；`second_factor` 为 `needed` 时还需动态验证码，可一并提交。"
        "Trade login and password for a token of 15 minutes. Where `second_factor` is `needed`, a "
        "code opens what touches money; it may be given here at once."
    ),
    responses=refusals(
        LoginFailed, CodeWrong, SecondFactorAbsent, TooManyLogins, TooManyCodes, LoginBusy
    ),
    cache_control=NO_STORE,
)
async def log_in(
    request: Request[Any, Any, Any], data: JSONBody[Credentials], access: NamedDependency[Access]
) -> Session:
    """Say who is there."""
    return await access.log_in(data, address=address_of(request))


@post(
    "/v1/staff/sessions/refreshes",
    tags=TAGS,
    summary="续期 Stay logged in",
    description=(
        "以续期令牌换取新令牌与新的续期令牌，每个仅可使用一次；重复使用将结束该会话。"
        "A refresh token buys the next token and the next refresh token, once; one that is shown "
        "again ends its session."
    ),
    responses=refusals(LoginRequired, TooManyLogins),
    cache_control=NO_STORE,
)
async def refresh_session(
    request: Request[Any, Any, Any], data: JSONBody[Refresh], access: NamedDependency[Access]
) -> Session:
    """Stay logged in."""
    return await access.refresh(data, address=address_of(request))


@post(
    "/v1/staff/sessions/current/codes",
    tags=TAGS,
    summary="提交动态验证码 Give a code",
    description=(
        "为当前会话提交动态验证码，返回含第二因素的新令牌。"
        "Give a code of the authenticator, or a recovery code, for the session that there is; the "
        "answer is a token that says so. Each code is taken once."
    ),
    opt=OWN,
    security=SECURITY,
    responses=refusals(CodeWrong, SecondFactorAbsent, TooManyCodes, LoginBusy, staff=True),
    cache_control=NO_STORE,
)
async def give_code(
    principal: NamedDependency[Principal],
    data: JSONBody[StepUp],
    access: NamedDependency[Access],
) -> Session:
    """Show the second factor."""
    return await access.step_up(data, by=principal)


@delete(
    "/v1/staff/sessions/current",
    tags=TAGS,
    summary="退出登录 Log out",
    description="结束当前会话，令牌立即失效。The session of the token ends, and so does the token.",
    opt=OWN,
    security=SECURITY,
    responses=refusals(staff=True),
)
async def log_out(principal: NamedDependency[Principal], access: NamedDependency[Access]) -> None:
    """End the session."""
    await access.log_out(by=principal)


@get(
    "/v1/staff/me",
    tags=TAGS,
    summary="当前账号 Who am I",
    description="返回令牌所属账号。The account behind the token.",
    opt=OWN,
    security=SECURITY,
    responses=refusals(staff=True),
)
async def who_am_i(
    principal: NamedDependency[Principal], access: NamedDependency[Access]
) -> Account:
    """Show one's own account."""
    return await access.me(principal)


@post(
    "/v1/staff/me/password",
    status_code=200,
    tags=TAGS,
    summary="修改密码 Change one's password",
    description=(
        "验证原密码后修改；其他会话全部结束，返回新会话。"
        "The old password is asked for; every session ends, and the answer is a new one."
    ),
    opt=OWN,
    security=SECURITY,
    responses=refusals(LoginFailed, PasswordWeak, TooManyLogins, LoginBusy, staff=True),
    cache_control=NO_STORE,
)
async def change_password(
    request: Request[Any, Any, Any],
    principal: NamedDependency[Principal],
    data: JSONBody[PasswordChange],
    access: NamedDependency[Access],
) -> Session:
    """Change one's own password."""
    return await access.change_password(data, by=principal, address=address_of(request))


@post(
    "/v1/staff/me/second-factor",
    tags=TAGS,
    summary="绑定动态验证码 Ask for an authenticator's secret",
    description=(
        "验证密码后返回密钥，须在 10 分钟内提交一个动态验证码确认；确认前原绑定仍有效。"
        "The password is asked for; the secret is shown once and holds when a code of it is given "
        "within ten minutes. Where an authenticator holds already, a fresh code of it is needed."
    ),
    opt=OWN,
    security=SECURITY,
    responses=refusals(LoginFailed, SecondFactorNeeded, TooManyLogins, LoginBusy, staff=True),
    cache_control=NO_STORE,
)
async def enrol(
    principal: NamedDependency[Principal],
    data: JSONBody[PasswordGiven],
    access: NamedDependency[Access],
) -> Enrolment:
    """Begin to use an authenticator."""
    return await access.enrol(data, by=principal)


@post(
    "/v1/staff/me/second-factor/confirmations",
    status_code=200,
    tags=TAGS,
    summary="确认绑定 Confirm an authenticator",
    description=(
        "提交新密钥生成的动态验证码；返回仅显示一次的恢复码和已含第二因素的令牌。"
        "A code of the secret that was shown makes it hold; the answer has ten recovery codes, "
        "shown once, and a token that says that a code was given."
    ),
    opt=OWN,
    security=SECURITY,
    responses=refusals(
        CodeWrong, EnrolmentAbsent, SecondFactorAbsent, TooManyCodes, LoginBusy, staff=True
    ),
    cache_control=NO_STORE,
)
async def confirm_enrolment(
    principal: NamedDependency[Principal],
    data: JSONBody[StepUp],
    access: NamedDependency[Access],
) -> Confirmed:
    """Prove that the authenticator has the secret."""
    return await access.confirm(data, by=principal)


HANDLERS = [
    *(log_in, refresh_session, give_code, log_out),
    *(who_am_i, change_password, enrol, confirm_enrolment),
]
