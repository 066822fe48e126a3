"""Endpoints of accounts of others, and of the audit trail.

Owns: nothing but the way from a request to what an administrator or an auditor does.
Never: decides.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter

from onepark.contexts.access.accounts import Accounts, Hand, Trail
from onepark.contexts.access.errors import (
    AccountUnknown,
    LoginBusy,
    LoginTaken,
    OwnAccount,
    PasswordWeak,
    QueryInvalid,
    RoleMisplaced,
    SecondFactorNeeded,
)
from onepark.contexts.access.model import (
    Account,
    AccountPage,
    AccountView,
    AuditPage,
    AuditQuery,
    NewAccount,
    PasswordReset,
)
from onepark.infra.openapi import refusals
from onepark.infra.query import decode_query
from onepark.kernel.staff import Permission, Principal

TAGS = ["staff 工作人员"]
SECURITY: list[dict[str, list[str]]] = [{"staff": []}]
READ = {"permission": Permission.READ_ACCOUNTS}
MANAGE = {"permission": Permission.MANAGE_ACCOUNTS}
NUMBER_MAX = 2**63 - 1
ON_SOMEBODY = refusals(AccountUnknown, OwnAccount, SecondFactorNeeded, staff=True)

LoginName = Annotated[
    str, PathParameter(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$(?!\n)", description="登录名 Login")
]
After = Annotated[
    int,
    QueryParameter(
        ge=0, le=NUMBER_MAX, description="上一页的 next_after。The next_after of the page before."
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="每页条数。How many a page.")]


@post(
    "/v1/staff/accounts",
    tags=TAGS,
    summary="新建账号 Give an account",
    description=(
        "市级管理员可建任何账号；经营单位管理员只可建本单位的管理员与办事员。"
        "涉及资金或管理的角色须先提交动态验证码。"
        "A city admin gives any role, an operator admin those of admin and clerk of the own "
        "operator. Roles that touch money or give accounts are given with a fresh code."
    ),
    opt={"permission": Permission.CREATE_ACCOUNT},
    security=SECURITY,
    responses=refusals(
        SecondFactorNeeded, LoginTaken, RoleMisplaced, PasswordWeak, LoginBusy, staff=True
    ),
)
async def create_account(
    principal: NamedDependency[Principal],
    data: JSONBody[NewAccount],
    accounts: NamedDependency[Accounts],
) -> Account:
    """Give an account to somebody."""
    return await accounts.create_account(data, by=Hand.of(principal))


@get(
    "/v1/staff/accounts",
    tags=TAGS,
    summary="账号列表 Accounts",
    description="本单位账号及其状态，市级为全部。Of the own operator, or all for the city.",
    opt=READ,
    security=SECURITY,
    responses=refusals(staff=True),
)
async def list_accounts(
    principal: NamedDependency[Principal],
    accounts: NamedDependency[Accounts],
    *,
    after: After = 0,
    limit: Limit = 50,
) -> AccountPage:
    """List accounts."""
    return await accounts.page(after=after, limit=limit, by=Hand.of(principal))


@post(
    "/v1/staff/accounts/{login:str}/disablings",
    status_code=200,
    tags=TAGS,
    summary="停用账号 Disable an account",
    description="立即结束其全部会话。It can log in no more, and its sessions end at once.",
    opt=MANAGE,
    security=SECURITY,
    responses=ON_SOMEBODY,
)
async def disable_account(
    principal: NamedDependency[Principal], accounts: NamedDependency[Accounts], *, login: LoginName
) -> AccountView:
    """Shut somebody out."""
    return await accounts.disable(login, by=Hand.of(principal))


@post(
    "/v1/staff/accounts/{login:str}/enablings",
    status_code=200,
    tags=TAGS,
    summary="启用账号 Enable an account",
    description="恢复已停用的账号。It may log in again.",
    opt=MANAGE,
    security=SECURITY,
    responses=ON_SOMEBODY,
)
async def enable_account(
    principal: NamedDependency[Principal], accounts: NamedDependency[Accounts], *, login: LoginName
) -> AccountView:
    """Let somebody in again."""
    return await accounts.enable(login, by=Hand.of(principal))


@post(
    "/v1/staff/accounts/{login:str}/passwords",
    status_code=200,
    tags=TAGS,
    summary="重置密码 Give a new password",
    description="为遗忘密码者设置新密码，其会话全部结束。For who has lost it; the sessions end.",
    opt=MANAGE,
    security=SECURITY,
    responses=refusals(
        AccountUnknown, OwnAccount, SecondFactorNeeded, PasswordWeak, LoginBusy, staff=True
    ),
)
async def reset_password(
    principal: NamedDependency[Principal],
    data: JSONBody[PasswordReset],
    accounts: NamedDependency[Accounts],
    *,
    login: LoginName,
) -> AccountView:
    """Give somebody a new password."""
    return await accounts.set_password(login, data, by=Hand.of(principal))


@post(
    "/v1/staff/accounts/{login:str}/second-factor-resets",
    status_code=200,
    tags=TAGS,
    summary="解除动态验证码 Take a lost authenticator away",
    description=(
        "设备丢失时解除绑定及恢复码，其会话全部结束。"
        "For who has lost the device: it and its recovery codes hold no more; the sessions end."
    ),
    opt=MANAGE,
    security=SECURITY,
    responses=ON_SOMEBODY,
)
async def reset_second_factor(
    principal: NamedDependency[Principal], accounts: NamedDependency[Accounts], *, login: LoginName
) -> AccountView:
    """Take somebody's lost authenticator away."""
    return await accounts.reset_second_factor(login, by=Hand.of(principal))


@get(
    "/v1/audit",
    tags=TAGS,
    summary="审计记录 The audit trail",
    description=(
        "何人何时变更了什么，最新在前；经营单位只见本单位。记录只增不改。"
        "Who changed what and when, newest first; an operator sees what touched its own rows. "
        "Lines are only ever added."
    ),
    opt={"permission": Permission.READ_AUDIT, "query": AuditQuery},
    security=SECURITY,
    responses=refusals(QueryInvalid, staff=True),
    cache_control=CacheControlHeader(no_store=True),
)
async def list_audit(
    request: Request[Any, Any, Any],
    principal: NamedDependency[Principal],
    trail: NamedDependency[Trail],
) -> AuditPage:
    """List who changed what."""
    query = decode_query(request.scope["query_string"], AuditQuery, invalid=QueryInvalid)
    return await trail.page(query, by=principal)


HANDLERS = [
    *(create_account, list_accounts, disable_account, enable_account),
    *(reset_password, reset_second_factor, list_audit),
]
