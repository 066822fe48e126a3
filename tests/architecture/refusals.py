"""Every refusal of the platform, and the page that lists them.

Owns: docs/errors.md; `python -m tests.architecture.refusals` writes it anew.
Never: lists what only a test raises.
"""

from importlib import import_module

from onepark.app.problems import HTTP_KINDS
from onepark.kernel.errors import Refusal
from tests.architecture.source import ROOT, modules

PAGE = ROOT / "docs" / "errors.md"
HEAD = """\
# 错误代码 Error codes

所有错误均为 RFC 9457 `application/problem+json`：`type`（`urn:onepark:problem:<code>`）、`title`、
`title_zh`、`status`、`code`、`detail`、`request_id`，以及该错误特有的字段（如 `field`）。程序请按
`code` 判断，`code` 不会改变；`detail` 仅供人阅读。带 `Retry-After` 时请稍后重试。

Every error is an RFC 9457 problem. Decide by `code`, which never changes; `detail` is for people.
Where an answer carries `Retry-After`, come back after so many seconds.

| code | status | 中文 | English |
|---|---|---|---|
"""


def refusals() -> list[type[Refusal]]:
    """Every refusal class that has a code of its own."""
    for module in modules():
        if module.path.suffix == ".py" and "Refusal" in module.text:
            import_module(module.name)
    own = (kind for kind in _below(Refusal) if kind.__module__.startswith("onepark."))
    return sorted((kind for kind in own if "code" in vars(kind)), key=lambda kind: kind.code)


def _below(kind: type[Refusal]) -> set[type[Refusal]]:
    return {one for child in kind.__subclasses__() for one in (child, *_below(child))}


def page() -> str:
    """The whole page."""
    rows = [(kind.code, kind.status, kind.title_zh, kind.title) for kind in refusals()]
    rows += [(kind.code, status, kind.title_zh, kind.title) for status, kind in HTTP_KINDS.items()]
    return HEAD + "".join(
        f"| `{code}` | {status} | {title_zh} | {title} |\n"
        for code, status, title_zh, title in sorted(rows)
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
