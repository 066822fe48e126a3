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


class SecondFactorNeeded(Refusal):
    """What moves money needs a code beside the password."""

    code = "access.second_factor_needed"
    status = 403
    title = "Give the code of your authenticator first."
    title_zh = "请先输入动态验证码"


class CodeWrong(Refusal):
    """Wrong, expired, or used before; never said which."""

    code = "access.code_wrong"
    status = 401
    title = "This code is not right, or was used before."
    title_zh = "动态验证码错误或已使用"


class TooManyCodes(Refusal):
    """Too many wrong codes in a row."""

    code = "access.too_many_codes"
    status = 429
    title = "Too many wrong codes."
    title_zh = "动态验证码错误次数过多"
    retry_after_s: ClassVar[int | None] = 60


class SecondFactorAbsent(Refusal):
    """A code was given, but the account has no authenticator."""

    code = "access.second_factor_absent"
    status = 409
    title = "This account has no authenticator yet."
    title_zh = "该账号尚未绑定动态验证码"


class EnrolmentAbsent(Refusal):
    """Nothing waits to be confirmed, or not any more."""

    code = "access.enrolment_absent"
    status = 409
    title = "No authenticator waits to be confirmed."
    title_zh = "没有待确认的动态验证码绑定"


class TooManyRequests(Refusal):
    """One person asks more than a person can read."""

    code = "access.too_many_requests"
    status = 429
    title = "Too many requests of one account."
    title_zh = "该账号请求过于频繁"
    retry_after_s: ClassVar[int | None] = 5


class PasswordWeak(Refusal):
    """It holds the login, or hardly any different letters."""

    code = "access.password_weak"
    status = 422
    title = "This password is guessed too easily."
    title_zh = "密码过于简单"


class AccountUnknown(Refusal):
    """No account of this login among those that the person may see."""

    code = "access.account_unknown"
    status = 404
    title = "No such account."
    title_zh = "账号不存在"


class OwnAccount(Refusal):
    """Nobody shuts out themselves, or helps themselves to a new factor."""

    code = "access.own_account"
    status = 409
    title = "This is your own account: somebody else must do that."
    title_zh = "不能对自己的账号执行此操作"


class QueryInvalid(Refusal):
    """A filter of the trail that means nothing; ``field`` says which."""

    code = "access.query_invalid"
    status = 400
    title = "The query is not valid."
    title_zh = "查询参数不正确"
