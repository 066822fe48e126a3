"""UnionPay, P云 and the bank open only with right keys; every mistake stops the start by name."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from onepark.integrations.payments.config import open_file
from onepark.integrations.payments.keys import ChannelMisconfigured
from tests.adapters.support import NOON, ScriptedClient, StillClock, a_key, private_pem
from tests.adapters.unionpay.minting import a_certificate, the_root


@pytest.fixture
def folder(tmp_path):
    """A folder with every key file of the three."""
    files = {
        "merchant.crt": pem(a_certificate("merchant")),
        "merchant.pem": private_pem(a_key("merchant")),
        "root.crt": pem(the_root()),
        "secret": b"6409292d66625a2a0912ac345345aaaa\n",
        "own.pem": private_pem(a_key("own", 1024)),
        "bank.crt": pem(a_certificate("bank", by="bank")),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def the_file():
    return {
        "unionpay": {
            "mer_id": "777290058167151",
            "merchant_certificate_file": "merchant.crt",
            "merchant_key_file": "merchant.pem",
            "pinned_files": ["root.crt"],
        },
        "pyun": {"app_id": "op1", "merchant": "62626601", "app_secret_file": "secret"},
        "jsbank": {
            "partner_id": "6a13",
            "public_key_code": "00",
            "merchant_key_file": "own.pem",
            "bank_certificate_file": "bank.crt",
        },
    }


def opened(folder, content=None):
    path = folder / "payments.json"
    path.write_text(json.dumps(content or the_file()))
    return open_file(path, ScriptedClient(), StillClock(), demo=False)


def complaint(folder, content=None):
    with pytest.raises(ChannelMisconfigured) as refused:
        opened(folder, content)
    return str(refused.value)


def test_the_three_open_by_name_and_tell_when_their_certificates_end(folder):
    found = opened(folder)
    assert {n: c.merchant for n, c in found.channels.items()} == {
        "unionpay": "777290058167151",
        "pyun": "62626601",
        "jsbank": "6a13",
    }
    ends = sorted((channel, end) for (channel, _), end in found.ends.items())
    soon = NOON + timedelta(days=1)
    assert ends == [
        ("jsbank", soon),
        ("unionpay", soon),
        ("unionpay", the_root().not_valid_after_utc),
    ]


def test_unionpay_without_anybody_to_believe_does_not_open(folder):
    content = the_file()
    content["unionpay"]["pinned_files"] = []
    assert complaint(folder, content) == "unionpay.pinned_files names no certificate"


def test_our_own_certificate_is_nobody_to_believe(folder):
    (folder / "root.crt").write_bytes((folder / "merchant.crt").read_bytes())
    assert complaint(folder) == "unionpay.pinned_files holds our own certificate"


def test_our_certificate_must_be_of_our_key(folder):
    (folder / "merchant.pem").write_bytes(private_pem(a_key("another")))
    assert complaint(folder) == "merchant.crt is of another key than ours"


def test_short_keys_are_the_banks_alone(folder):
    (folder / "merchant.pem").write_bytes(private_pem(a_key("short", 1024)))
    assert complaint(folder) == "merchant.pem: RSA of 1024 bits, at least 2048"


def test_our_own_key_in_the_banks_place_is_refused(folder):
    (folder / "bank.crt").write_bytes(pem(a_certificate("own", by="own")))
    (folder / "own.pem").write_bytes(private_pem(a_key("own")))
    assert complaint(folder).startswith("jsbank.bank_certificate_file is our own key")


@pytest.mark.parametrize("secret", [b"", b"short", b"a" * 15])
def test_a_short_secret_is_refused(folder, secret):
    (folder / "secret").write_bytes(secret)
    assert complaint(folder) == "secret: a secret has at least 16 characters"


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ("unionpay", "merchant_key_file"),
        ("unionpay", "merchant_certificate_file"),
        ("pyun", "app_secret_file"),
        ("jsbank", "merchant_key_file"),
        ("jsbank", "bank_certificate_file"),
    ],
)
def test_a_missing_file_is_named(folder, channel, field):
    content = the_file()
    content[channel][field] = "absent"
    assert complaint(folder, content).startswith("absent cannot be read")


@pytest.mark.parametrize("channel", ["unionpay", "pyun", "jsbank"])
@pytest.mark.parametrize("change", [{"verify": False}, {"base_url": "http://pay.example"}])
def test_nothing_turns_a_check_off_and_plain_http_is_refused(folder, channel, change):
    content = the_file()
    content[channel] |= change
    assert "unknown field" in complaint(folder, content) or "not https" in complaint(
        folder, content
    )
