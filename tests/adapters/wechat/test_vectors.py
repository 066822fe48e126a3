"""What WeChat Pay's own kit has sealed: ours opens it."""

import base64

import pytest

from onepark.integrations.payments import wechat_wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.wechat_wire import Resource
from tests.adapters.support import vectors

VECTORS = vectors("wechat")


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


def _fields(resource: Resource) -> dict[str, str]:
    return {name: getattr(resource, name) for name in resource.__struct_fields__}
