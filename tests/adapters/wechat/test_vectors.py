"""What WeChat Pay and others computed: our keys, signatures and seals agree with theirs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from onepark.contexts.payments.errors import NoticeStale, NoticeUnverified
from onepark.integrations.payments import keys, wechat_wire
from onepark.integrations.payments.keys import ProviderKey, Unproven
from onepark.integrations.payments.wechat import WechatChannel
from onepark.integrations.payments.wechat_wire import MerchantKeys, Resource
from tests.adapters.support import ScriptedClient, StillClock, a_key, vectors

VECTORS = vectors("wechat")
CALLBACK = VECTORS["callback"]
SENT_AT = datetime.fromtimestamp(int(CALLBACK["headers"]["wechatpay-timestamp"]), UTC)
# The one who sent it wrote JSON with "/" escaped; a signature covers such bytes as they came.
BODY = (
    json.dumps({"resource": CALLBACK["resource"]}, separators=(",", ":"))
    .replace("/", "\\/")
    .encode()
)


def certificate_file(folder: Path, b64: str) -> Path:
    path = folder / "certificate.pem"
    path.write_text(f"-----BEGIN CERTIFICATE-----\n{b64}\n-----END CERTIFICATE-----\n")
    return path


@pytest.fixture
def published_key(tmp_path):
    path = certificate_file(tmp_path, CALLBACK["certificate"])
    return keys.read_certificate(path, serial=CALLBACK["certificate_serial"])


def test_the_go_kits_signature_fits_its_public_key():
    vector = VECTORS["signature_public_key"]
    key = serialization.load_der_public_key(base64.b64decode(vector["key"]))
    assert isinstance(key, RSAPublicKey)
    assert keys.proves(key, vector["signature"], vector["text"].encode())
    for text in ("wrong source", ""):
        assert not keys.proves(key, vector["signature"], text.encode())
    for signature in ("", "invalid base64 signature"):
        assert not keys.proves(key, signature, vector["text"].encode())


def test_the_java_kits_signature_fits_its_certificate_and_its_serial(tmp_path):
    vector = VECTORS["signature_certificate"]
    path = certificate_file(tmp_path, vector["certificate"])
    key = keys.read_certificate(path, serial=vector["serial"])
    assert keys.proves(key.public, vector["signature"], vector["text"].encode())
    assert key.serves(datetime(2025, 5, 9, 1, 57, 9, tzinfo=UTC))
    assert not key.serves(datetime(2025, 5, 9, 1, 57, 10, tzinfo=UTC))


def test_the_java_kits_seal_opens_and_breaks_where_it_must():
    vector = VECTORS["aead"]
    resource = Resource(
        ciphertext=vector["ciphertext"],
        nonce=vector["nonce"],
        algorithm="AEAD_AES_256_GCM",
        associated_data=vector["associated_data"],
    )
    key = vector["key"].encode()
    assert wechat_wire.unseal(resource, key) == vector["plain"].encode()
    for change in (
        {"associated_data": "bad-associatedData"},
        {"nonce": "bad-4a9R25RW"},
        {"ciphertext": base64.b64encode(bytes(128)).decode()},
    ):
        with pytest.raises(Unproven):
            wechat_wire.unseal(Resource(**{**_fields(resource), **change}), key)


def test_a_published_callback_verifies_over_its_raw_bytes_and_unseals(published_key):
    ring = {CALLBACK["headers"]["wechatpay-serial"]: published_key}
    signed_at = wechat_wire.signed_at(CALLBACK["headers"], BODY, ring=ring, now=SENT_AT)
    assert signed_at == SENT_AT
    resource = Resource(**CALLBACK["resource"])
    plain = wechat_wire.unseal(resource, CALLBACK["api_v3_key"].encode())
    assert plain.startswith(b"-----BEGIN CERTIFICATE-----")


def test_a_published_callback_fails_when_its_json_is_written_anew(published_key):
    ring = {CALLBACK["headers"]["wechatpay-serial"]: published_key}
    with pytest.raises(Unproven):
        wechat_wire.signed_at(
            CALLBACK["headers"], json.dumps(json.loads(BODY)).encode(), ring=ring, now=SENT_AT
        )


def test_a_published_callback_is_no_notice_of_ours_today_or_then(published_key):
    channel = WechatChannel(
        ScriptedClient(),
        StillClock(),
        base_url="https://api.mch.weixin.qq.com",
        mchid="1600314068",
        appid="wx55955316af4ef13",
        held=MerchantKeys(
            "S",
            a_key("merchant"),
            CALLBACK["api_v3_key"].encode(),
            {CALLBACK["headers"]["wechatpay-serial"]: ProviderKey(published_key.public)},
        ),
        answer_serial="S",
    )
    for now in (SENT_AT, SENT_AT + timedelta(days=1_800)):
        with pytest.raises(NoticeUnverified) as refused:
            channel.verify_notice(CALLBACK["headers"], BODY, now)
        assert not isinstance(refused.value, NoticeStale)  # it has neither id nor event type


def _fields(resource: Resource) -> dict[str, str]:
    return {name: getattr(resource, name) for name in resource.__struct_fields__}
