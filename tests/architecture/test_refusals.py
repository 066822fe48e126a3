"""A refusal has one stable code, a status, a sentence in both languages and a line in the docs."""

import re
from collections import Counter

import pytest

from onepark.kernel.errors import Refusal
from tests.architecture.refusals import PAGE, page, refusals

CODE = re.compile(r"^[a-z]+\.[a-z][a-z0-9_]*$")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
STATUSES = {400, 401, 403, 404, 409, 410, 422, 423, 429, 503}


def area(kind: type[Refusal]) -> str:
    """The name that a code begins with: the context's, or the room's."""
    parts = kind.__module__.split(".")
    return parts[2] if parts[1] in {"contexts", "infra", "integrations"} else parts[1]


def test_every_code_is_given_once():
    counts = Counter(kind.code for kind in refusals())
    assert [code for code, count in counts.items() if count > 1] == []
    assert len(counts) > 10, "the tree was read"


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.code)
def test_a_refusal_declares_itself(kind):
    assert CODE.match(kind.code)
    assert kind.code.split(".")[0] == area(kind)
    assert kind.status in STATUSES
    assert kind.title.endswith(".")
    assert CHINESE.search(kind.title_zh)
    assert kind.status != 503 or kind.retry_after_s, "a client is told when to come back"


def test_the_page_of_error_codes_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "write it anew: python -m tests.architecture.refusals"
    )
