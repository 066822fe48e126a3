"""How refusals are told to the readers of the OpenAPI document.

Owns: the shape of a problem body and the response entry of a refusal.
Never: renders an answer; that is done in one place above.
"""

from collections import defaultdict

from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from onepark.kernel.errors import Refusal

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Problem(Struct, frozen=True):
    """An RFC 9457 problem; facts of the refusal stand beside these members."""

    type: str
    title: str
    status: int
    code: str
    title_zh: str | None = None
    detail: str | None = None


STAFF_REFUSALS = {
    401: "`access.login_required` 请先登录 Log in first.",
    403: "`access.not_allowed` 当前角色无此权限 Your role does not allow this.",
    429: "`access.too_many_requests` 该账号请求过于频繁 Too many requests of one account.",
}


def refusals(*kinds: type[Refusal], staff: bool = False) -> dict[int, ResponseSpec]:
    """Return the ``responses`` of a handler that may decline so, or cannot read a request.

    ``staff`` adds those of the guard of staff endpoints.
    """
    by_status: dict[int, list[str]] = defaultdict(list)
    by_status[400].append("请求无法解析 The request cannot be read.")
    for status, sentence in STAFF_REFUSALS.items() if staff else ():
        by_status[status].append(sentence)
    for kind in kinds:
        by_status[kind.status].append(f"`{kind.code}` {kind.title_zh} {kind.title}")
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            description=" / ".join(sentences),
            media_type=PROBLEM_MEDIA_TYPE,
        )
        for status, sentences in by_status.items()
    }
