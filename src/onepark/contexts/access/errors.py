"""Refusals of logging in and of accounts.

Owns: their codes and sentences.
Never: says which of login and password was wrong.
"""

from typing import ClassVar

from onepark.kernel.errors import Refusal


class LoginRequired(Refusal):
    """No token, or one that is not ours or not of now."""

    code = "access.login_required"
    status = 401
    title = "Log in first."
    title_zh = "请先登录"


class LoginFailed(Refusal):
    """Wrong login or wrong password; never said which."""

    code = "access.login_failed"
    status = 401
    title = "Login or password is wrong."
    title_zh = "登录名或密码错误"


class NotAllowed(Refusal):
    """The role does not have this permission."""

    code = "access.not_allowed"
    status = 403
    title = "Your role does not allow this."
    title_zh = "当前角色无此权限"


class TooManyLogins(Refusal):
    """Too many tries from one address or for one account."""

    code = "access.too_many_logins"
    status = 429
    title = "Too many tries to log in."
    title_zh = "登录尝试过于频繁"
    retry_after_s: ClassVar[int | None] = 60


class LoginBusy(Refusal):
    """More people log in at once than passwords can be checked."""

    code = "access.login_busy"
    status = 503
    title = "Too many people log in right now."
    title_zh = "登录繁忙，请稍后再试"
    retry_after_s: ClassVar[int | None] = 2


class LoginTaken(Refusal):
    """Another account has this login."""

    code = "access.login_taken"
    status = 409
    title = "This login is taken."
    title_zh = "登录名已被占用"


class RoleMisplaced(Refusal):
    """A role of the city with an operator, or a role of an operator without one."""

    code = "access.role_misplaced"
    status = 422
    title = "This role and this operator do not go together."
    title_zh = "角色与经营单位不匹配"
