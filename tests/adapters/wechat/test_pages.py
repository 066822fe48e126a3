"""WeChat Pay's H5 and JSAPI: what is asked, and what a page hands to the app."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from onepark.contexts.payments.errors import ChannelUnavailable
from onepark.contexts.payments.model import PayInstruction, PayKind
from tests.adapters.support import NOON, ScriptedClient, a_key, a_request
from tests.adapters.wechat.minting import a_channel, an_answer


async def create(answer, **changes):
    client = ScriptedClient(an_answer(200, answer))
    told = await a_channel(client).create(a_request(**changes))
    (_, url, _, body) = client.asked[0]
    return told, url.rsplit("/", 1)[1], json.loads(body)


async def test_a_redirect_tells_the_payers_address_and_is_answered_with_a_page():
    told, path, body = await create(
        {"h5_url": "https://wx.tenpay.com/x"}, kind=PayKind.REDIRECT, payer_address="198.51.100.7"
    )
    assert told == PayInstruction("redirect", "https://wx.tenpay.com/x")
    assert path == "h5"
    assert body["scene_info"] == {"payer_client_ip": "198.51.100.7", "h5_info": {"type": "Wap"}}


async def test_a_page_signs_app_stamp_nonce_and_the_package_with_its_name():
    told, path, body = await create(
        {"prepay_id": "wx201410272009395522657a690389285100"}, kind=PayKind.JSAPI, payer_id="oUpF"
    )
    assert (path, body["payer"]) == ("jsapi", {"openid": "oUpF"})
    call = told.jsapi
    assert (told.kind, told.code_url, call.sign_type) == ("jsapi", None, "RSA")
    assert call.package == "prepay_id=wx201410272009395522657a690389285100"
    assert call.time_stamp == str(int(NOON.timestamp()))
    text = f"{call.app_id}\n{call.time_stamp}\n{call.nonce_str}\n{call.package}\n"
    signature = base64.b64decode(call.pay_sign)
    a_key("merchant").public_key().verify(signature, text.encode(), padding.PKCS1v15(), SHA256())


async def test_a_code_asks_nothing_of_its_payer():
    told, path, body = await create({"code_url": "weixin://x"}, payer_address="198.51.100.7")
    assert (told.kind, path) == ("qr", "native")
    assert not {"payer", "scene_info"} & set(body)


@pytest.mark.parametrize("kind", [PayKind.QR, PayKind.REDIRECT, PayKind.JSAPI])
async def test_an_answer_that_hands_nothing_out_leaves_the_outcome_open(kind):
    with pytest.raises(ChannelUnavailable):
        await create({}, kind=kind, payer_id="oUpF")
