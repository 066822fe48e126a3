"""How a request is declined.

Owns: the one base class of every refusal.
Never: knows HTTP beyond a status number, or how a refusal is rendered.
"""

from typing import ClassVar


class Refusal(Exception):
    """A request that was understood and declined.

    A subclass names itself: ``code`` is stable and starts with its context's name, ``status``
    is the HTTP status, ``title`` and ``title_zh`` are sentences for people. Facts given to the
    constructor reach the client beside the code; they never hold a whole plate.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    title_zh: ClassVar[str]
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts
