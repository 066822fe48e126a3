"""A channel opens only with right keys and addresses; every mistake stops the start by name."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from onepark.integrations.payments.config import check_notify_url, open_channels
from onepark.integrations.payments.keys import ChannelMisconfigured
from tests.adapters.support import ScriptedClient, StillClock, a_key, private_pem, public_pem
from tests.adapters.wechat.minting import CERTIFICATE_SERIAL, PUBLIC_KEY_ID, a_certificate


@pytest.fixture
def folder(tmp_path):
    """A folder with every key file of both channels."""
    (tmp_path / "merchant.pem").write_bytes(private_pem(a_key("merchant")))
    (tmp_path / "v3.key").write_bytes(b"k" * 32 + b"\n")
    (tmp_path / "wechat.pem").write_bytes(public_pem(a_key("wechat").public_key()))
    certificate = a_certificate(a_key("wechat certificate"), int(CERTIFICATE_SERIAL, 16))
    (tmp_path / "wechat.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "app.pem").write_bytes(private_pem(a_key("app")))
    (tmp_path / "alipay.pem").write_bytes(public_pem(a_key("alipay").public_key()))
    return tmp_path


def the_file():
    return {
        "wechat": {
            "mchid": "1900000109",
            "appid": "wx00000000000000aa",
            "merchant_serial": "MERCHANTSERIAL",
            "merchant_key_file": "merchant.pem",
            "api_v3_key_file": "v3.key",
            "platform_keys": [
                {"kind": "public_key", "serial": PUBLIC_KEY_ID, "file": "wechat.pem"},
                {"kind": "certificate", "serial": CERTIFICATE_SERIAL, "file": "wechat.crt"},
            ],
            "answer_serial": PUBLIC_KEY_ID,
        },
        "alipay": {
            "app_id": "9021000122682882",
            "seller_id": "2088721003899159",
            "app_key_file": "app.pem",
            "alipay_public_key_file": "alipay.pem",
        },
    }


def opened(folder, content=None, *, demo=False):
    path = folder / "payments.json"
    path.write_text(json.dumps(content if content is not None else the_file()))
    return open_channels(path, ScriptedClient(), StillClock(), demo=demo)


def complaint(folder, content=None, *, demo=False):
    with pytest.raises(ChannelMisconfigured) as refused:
        opened(folder, content, demo=demo)
    return str(refused.value)


def test_both_channels_open_by_name_with_their_merchants(folder):
    channels = opened(folder)
    assert {n: (c.name, c.merchant, c.app) for n, c in channels.items()} == {
        "wechat": ("wechat", "1900000109", "wx00000000000000aa"),
        "alipay": ("alipay", "2088721003899159", "9021000122682882"),
    }


def test_a_channel_that_is_not_named_is_not_open(folder):
    content = the_file()
    del content["alipay"]
    assert list(opened(folder, content)) == ["wechat"]
    assert opened(folder, {}) == {}


def test_alipays_bare_base64_keys_are_read(folder):
    for name in ("app.pem", "alipay.pem"):
        lines = (folder / name).read_text().splitlines()
        (folder / name).write_text("".join(lines[1:-1]))
    assert "alipay" in opened(folder)


@pytest.mark.parametrize("length", [16, 31, 33, 64, 0])
def test_an_apiv3_key_of_any_other_length_is_refused(folder, length):
    (folder / "v3.key").write_bytes(b"k" * length)
    assert complaint(folder) == f"v3.key: an APIv3 key has 32 bytes, this one {length}"


@pytest.mark.parametrize(
    ("file", "own", "words"),
    [
        ("wechat.pem", "merchant", f"wechat.platform_keys {PUBLIC_KEY_ID} is our own key"),
        ("alipay.pem", "app", "alipay.alipay_public_key_file is our own key"),
    ],
)
def test_our_own_key_in_the_providers_place_is_refused(folder, file, own, words):
    (folder / file).write_bytes(public_pem(a_key(own).public_key()))
    assert complaint(folder).startswith(words)


@pytest.mark.parametrize("file", ["merchant.pem", "app.pem"])
def test_a_short_private_key_is_refused(folder, file):
    (folder / file).write_bytes(private_pem(a_key("short", 1024)))
    assert complaint(folder) == f"{file}: RSA of 1024 bits, at least 2048"


@pytest.mark.parametrize("file", ["wechat.pem", "alipay.pem"])
def test_a_short_public_key_is_refused(folder, file):
    (folder / file).write_bytes(public_pem(a_key("short", 1024).public_key()))
    assert complaint(folder) == f"{file}: RSA of 1024 bits, at least 2048"


@pytest.mark.parametrize("file", ["merchant.pem", "wechat.pem", "wechat.crt", "alipay.pem"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PUBLIC KEY-----\n!\n"])
def test_a_file_that_holds_no_key_is_named(folder, file, content):
    (folder / file).write_bytes(content)
    assert complaint(folder).startswith(f"{file} holds no readable")


def test_a_key_of_another_kind_is_refused(folder):
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = curve.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "alipay.pem").write_bytes(pem)
    assert complaint(folder) == "alipay.pem holds no RSA key"


def test_a_missing_file_is_named_without_its_folder(folder):
    (folder / "app.pem").unlink()
    assert complaint(folder) == "app.pem cannot be read: No such file or directory"


def test_a_certificate_must_be_the_one_that_its_serial_names(folder):
    content = the_file()
    content["wechat"]["platform_keys"][1]["serial"] = "5DEA10EF55877E3C"
    assert complaint(folder, content) == "wechat.crt is not the certificate 5DEA10EF55877E3C"


@pytest.mark.parametrize("index", [0, 1])
def test_the_kind_of_a_platform_key_must_fit_its_serial(folder, index):
    content = the_file()
    keys = content["wechat"]["platform_keys"]
    keys[index]["kind"] = keys[1 - index]["kind"]
    assert "wechat.platform_keys" in complaint(folder, content)


def test_answers_are_asked_for_under_a_key_that_we_hold(folder):
    content = the_file()
    content["wechat"]["answer_serial"] = "PUB_KEY_ID_OTHER"
    assert complaint(folder, content) == "wechat.answer_serial is none of wechat.platform_keys"


def test_no_key_can_be_named_twice_and_none_left_out(folder):
    content = the_file()
    content["wechat"]["platform_keys"].append(content["wechat"]["platform_keys"][0])
    assert complaint(folder, content) == "wechat.platform_keys names one serial twice"
    content["wechat"]["platform_keys"] = []
    assert complaint(folder, content) == "wechat.answer_serial is none of wechat.platform_keys"


@pytest.mark.parametrize("switch", ["verify", "insecure", "skip_verification"])
def test_no_field_turns_verification_off(folder, switch):
    content = the_file()
    content["alipay"][switch] = False
    assert f"unknown field `{switch}`" in complaint(folder, content)


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
@pytest.mark.parametrize(
    ("url", "demo", "opens"),
    [
        ("https://pay.example", False, True),
        ("http://127.0.0.1:9000", True, True),
        ("http://localhost:9000", True, True),
        ("http://[::1]:9000", True, True),
        ("http://127.0.0.1:9000", False, False),
        ("http://pay.example", True, False),
        ("http://10.0.0.1", True, False),
        ("http://127.0.0.1.pay.example", True, False),
        ("http://127.0.0.1@pay.example", True, False),
        ("https://pay.example/?x=1", False, False),
        ("ftp://127.0.0.1", True, False),
        ("pay.example", True, False),
        ("", True, False),
    ],
)
def test_plain_http_is_for_a_demonstration_on_this_machine(folder, *, channel, url, demo, opens):
    content = the_file()
    content[channel]["base_url"] = url
    if opens:
        assert channel in opened(folder, content, demo=demo)
    else:
        assert "base_url" in complaint(folder, content, demo=demo)


@pytest.mark.parametrize(
    ("url", "demo", "fits"),
    [
        ("https://park.example/v1/payments/notices/wechat", False, True),
        ("http://127.0.0.1:8000/v1/payments/notices/wechat", True, True),
        ("http://park.example/v1/payments/notices/wechat", False, False),
        ("https://park.example/notices?channel=wechat", False, False),
        ("https://park.example/notices?", False, False),
        ("https://park.example/notices#x", False, False),
    ],
)
def test_a_notice_address_has_no_query_and_is_https(url, demo, fits):
    if fits:
        check_notify_url(url, demo=demo)
    else:
        with pytest.raises(ChannelMisconfigured):
            check_notify_url(url, demo=demo)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"wechat":{}}', '{"paypal":{}}'])
def test_a_file_out_of_form_is_refused(folder, content):
    path = folder / "payments.json"
    path.write_text(content)
    with pytest.raises(ChannelMisconfigured, match=r"payments\.json"):
        open_channels(path, ScriptedClient(), StillClock(), demo=True)
