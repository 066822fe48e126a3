"""Every error answer of the platform, RFC 9457.

Owns: how a refusal, a request that cannot be read and a bug of ours are told to a client.
Never: shows the inside of a bug, or a whole plate.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap, HTTPScope

from onepark.app import refused
from onepark.infra.db import OUTAGES, Trouble, trouble_of
from onepark.infra.log import mask_plates, masked, request_id
from onepark.infra.openapi import PROBLEM_MEDIA_TYPE
from onepark.kernel.errors import Refusal

TYPE_PREFIX = "urn:onepark:problem:"
FIELD_ERRORS_MAX = 20
DETAIL_MAX = 500
RETRY_AFTER_S = 2
PLAIN_ONES_KEPT = 64
CLIENT_LEFT = "client disconnected prematurely"  # so the framework says; no fault of ours
PASSED_ON = {"allow", "retry-after", "www-authenticate"}

_log = structlog.get_logger()


class Kind(NamedTuple):
    """A stable code with a sentence in both languages."""

    code: str
    title: str
    title_zh: str


INTERNAL = Kind("http.internal", "Something went wrong here.", "平台内部错误")
HTTP_KINDS = {
    400: Kind("http.invalid_request", "The request is not valid.", "请求无效"),
    401: Kind("http.unauthorized", "Say who you are.", "未认证"),
    403: Kind("http.forbidden", "This is not allowed.", "无权访问"),
    404: Kind("http.not_found", "There is nothing here.", "资源不存在"),
    405: Kind("http.method_not_allowed", "This method does not go here.", "请求方法不允许"),
    406: Kind("http.not_acceptable", "No such representation.", "无法提供所需格式"),
    413: Kind("http.body_too_large", "The body is too large.", "请求体过大"),
    415: Kind("http.media_type", "This media type is not taken.", "不支持的媒体类型"),
    429: Kind("http.too_many_requests", "Too many requests.", "请求过于频繁"),
    500: INTERNAL,
    503: Kind("http.unavailable", "Not available now.", "服务暂不可用"),
}


def render_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    """Answer what was understood and declined."""
    told = told_of(request.scope, refusal)
    return Response(
        told.body,
        status_code=told.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={name.decode().title(): value.decode() for name, value in told.headers},
    )


class Told(NamedTuple):
    """An answer as it crosses ASGI; names of headers are lower case."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()


def told_of(scope: HTTPScope, refusal: Refusal) -> Told:
    """Note a refusal and return its answer; under overload nothing may cost less than this."""
    refused.note(scope, refusal.code, refusal.status)
    kind = Kind(refusal.code, refusal.title, refusal.title_zh)
    retry_after_s = refusal.facts.get("retry_after_s", refusal.retry_after_s)
    headers = [] if retry_after_s is None else [(b"retry-after", str(retry_after_s).encode())]
    if refusal.facts:
        body = problem_json(kind, refusal.status, detail=refusal.detail, facts=refusal.facts)
    else:
        body = _named(_plain_json(kind, refusal.status, refusal.detail))
    return Told(refusal.status, body, headers)


@lru_cache(maxsize=PLAIN_ONES_KEPT)
def _plain_json(kind: Kind, status: int, detail: str) -> bytes:
    """Return a problem without facts and without the id of its request."""
    return _json(_members(kind, status, detail))


def _named(json: bytes) -> bytes:
    """Add the id of the request in hand, the last member of every problem: plain characters."""
    name = request_id.get()
    if name is None:
        return json
    return b'%b,"request_id":"%b"}' % (json[:-1], mask_plates(name).encode())


def render_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused: no such path, a wrong method, a body that is none."""
    status = 400 if error.detail == CLIENT_LEFT else error.status_code
    if status >= 500:  # noqa: PLR2004  the framework's own failures say nothing of their inside
        return render_bug(request, error)
    kind = HTTP_KINDS.get(status, HTTP_KINDS[400])
    refused.note(request.scope, kind.code, status)
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() in PASSED_ON}
    return problem(
        kind,
        status,
        detail=mask_plates(error.detail)[:DETAIL_MAX],
        facts=_fields(error.extra),
        headers=headers,
    )


def render_depth(request: Request[Any, Any, Any], _error: RecursionError) -> Response[bytes]:
    """Answer a body that is nested deeper than anything meant."""
    refused.note(request.scope, HTTP_KINDS[400].code, 400)
    return problem(HTTP_KINDS[400], 400, detail="The body is nested too deeply.")


def render_outage(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer while the database does not: what was asked may be asked again."""
    if trouble_of(error) in {Trouble.GUILTY, Trouble.BUG}:
        return render_bug(request, error)
    kind = HTTP_KINDS[503]
    refused.count(kind.code, 503)
    said = refused.sender_of(request.scope)
    _log.error("http.unavailable", exc_info=error, code=kind.code, status=503, **said)
    return problem(kind, 503, headers={"Retry-After": str(RETRY_AFTER_S)})


def render_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log what nobody expected, and tell the client no more than that it happened."""
    said = refused.sender_of(request.scope)
    _log.error("http.internal", exc_info=error, code=INTERNAL.code, status=500, **said)
    return problem(INTERNAL, 500)


HANDLERS: ExceptionHandlersMap = {
    Refusal: render_refusal,
    HTTPException: render_http,
    RecursionError: render_depth,
    **dict.fromkeys(OUTAGES, render_outage),
    Exception: render_bug,
}


def answer_to(scope: HTTPScope, error: Exception) -> Told:
    """Return what the framework would answer to an error, for who answers without it."""
    if isinstance(error, Refusal):
        return told_of(scope, error)
    handler = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    answer = cast("Response[bytes]", handler(Request[Any, Any, Any](scope), error))
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    assert answer.status_code is not None, "a problem has a status"
    return Told(answer.status_code, answer.content, headers)


def problem(
    kind: Kind,
    status: int,
    *,
    detail: str | None = None,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Return one problem; a fact never hides a member of the standard."""
    return Response(
        problem_json(kind, status, detail=detail, facts=facts),
        status_code=status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def problem_json(
    kind: Kind,
    status: int,
    *,
    detail: str | None = None,
    facts: Mapping[str, object] | None = None,
) -> bytes:
    """Return a problem's body; what looks like a plate or a telephone number is masked."""
    members = {**(facts or {}), **_members(kind, status, detail), "request_id": request_id.get()}
    return _json(members)


def _members(kind: Kind, status: int, detail: str | None) -> dict[str, object]:
    return {
        "type": TYPE_PREFIX + kind.code,
        "title": kind.title,
        "title_zh": kind.title_zh,
        "status": status,
        "code": kind.code,
        "detail": detail,
    }


def _json(members: Mapping[str, object]) -> bytes:
    given = masked({k: v for k, v in members.items() if v is not None})
    return msgspec.json.encode(given, enc_hook=str)


def _fields(extra: Mapping[str, Any] | list[Any] | None) -> dict[str, object]:
    """Return which fields were wrong: the first by name, and all of them.

    A parameter whose public name is a word of Python ends in an underscore in the handler.
    """
    errors = [
        {
            "field": (one.get("key") or "").rstrip("_"),
            "message": mask_plates(str(one.get("message", ""))),
        }
        for one in (extra if isinstance(extra, list) else [])[:FIELD_ERRORS_MAX]
        if isinstance(one, Mapping)
    ]
    return {"field": errors[0]["field"], "errors": errors} if errors else {}
