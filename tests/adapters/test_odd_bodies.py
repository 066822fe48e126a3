"""Whatever is posted to a notice address is a notice or refused, never an error of ours."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import NoticeVerdict
from tests.adapters.alipay import minting as alipay
from tests.adapters.alipay.test_messages import messages
from tests.adapters.jsbank.test_jsbank import a_channel as jsbank
from tests.adapters.pyun.test_pyun import a_channel as pyun
from tests.adapters.support import NOON
from tests.adapters.unionpay import minting as unionpay
from tests.adapters.wechat import minting as wechat

CHANNELS = {
    "wechat": wechat.a_channel(),
    "alipay": alipay.a_channel(),
    "alipay_messages": messages(),
    "unionpay": unionpay.a_channel(),
    "pyun": pyun(),
    "jsbank": jsbank(),
}
MEGABYTE = 1_048_576


def refused(name: str, body: bytes) -> bool:
    channel = CHANNELS[name]
    with pytest.raises(NoticeUnverified):
        channel.verify_notice(wechat.the_headers(b"another"), body, NOON)
    return bool(channel.answer(NoticeVerdict.REFUSED).status == 401)


@pytest.mark.parametrize("name", sorted(CHANNELS))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 100,
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b"a=%",
        b"&" * 5_000,
        b"a=1&" * 101,
        b"\xff" * 1_000,
        b"signPubKeyCert=" + b"A" * 20_000,
        b"a=" + b"x" * MEGABYTE,
    ],
    ids=[
        "empty", "zeros", "deep", "deeper", "escape", "ampersands", "fields", "no text",
        "certificate", "a megabyte",
    ],
)  # fmt: skip
def test_an_odd_body_is_refused_in_the_words_of_its_channel(name, body):
    assert refused(name, body)


@pytest.mark.parametrize("name", sorted(CHANNELS))
@given(body=binary(max_size=200))
def test_no_bytes_are_an_error_of_ours(name, body):
    assert refused(name, body)
