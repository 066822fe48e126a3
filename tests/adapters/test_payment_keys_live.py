"""Keys that change while notices come: the new ones serve, the old ones go, nothing is lost."""

import asyncio
import json
from datetime import timedelta

import pytest

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.integrations.payments import live
from onepark.integrations.payments.keys import ChannelMisconfigured
from onepark.integrations.payments.live import LiveChannels
from tests.adapters.support import NOON, ScriptedClient, StillClock, a_key, private_pem, public_pem
from tests.adapters.wechat.minting import PUBLIC_KEY_ID, a_notice, the_headers

NEW_ID = "PUB_KEY_ID_0100000000002027"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "merchant.pem").write_bytes(private_pem(a_key("merchant")))
    (tmp_path / "v3.key").write_bytes(b"k" * 31 + b"3")
    (tmp_path / "old.pem").write_bytes(public_pem(a_key("wechat").public_key()))
    (tmp_path / "new.pem").write_bytes(public_pem(a_key("wechat new").public_key()))
    write(tmp_path, {PUBLIC_KEY_ID: "old.pem"})
    return tmp_path


def write(folder, ring, **changes):
    wechat = {
        "mchid": "1900000109",
        "appid": "wx00000000000000aa",
        "merchant_serial": "MERCHANTSERIAL",
        "merchant_key_file": "merchant.pem",
        "api_v3_key_file": "v3.key",
        "platform_keys": [
            {"kind": "public_key", "serial": serial, "file": file} for serial, file in ring.items()
        ],
        "answer_serial": next(iter(ring)),
    }
    content = {"wechat": {**wechat, **changes}}
    (folder / "payments.json").write_text(json.dumps(content))


def opened(folder):
    return LiveChannels(folder / "payments.json", ScriptedClient(), StillClock(), demo=False)


def believes(channels, serial, key):
    body = a_notice()
    try:
        channels["wechat"].verify_notice(
            the_headers(body, key=a_key(key), serial=serial), body, NOON
        )
    except NoticeUnverified:
        return False
    return True


async def test_a_new_key_serves_beside_the_old_one_and_then_alone(folder):
    channels = opened(folder)
    seen = []
    for ring in (
        {PUBLIC_KEY_ID: "old.pem"},
        {PUBLIC_KEY_ID: "old.pem", NEW_ID: "new.pem"},
        {NEW_ID: "new.pem"},
    ):
        write(folder, ring)
        await channels.refresh()
        old = believes(channels, PUBLIC_KEY_ID, "wechat")
        seen.append((old, believes(channels, NEW_ID, "wechat new")))
    assert seen == [(True, False), (True, True), (False, True)]


async def test_a_key_file_that_changes_under_its_name_is_noticed(folder):
    channels = opened(folder)
    (folder / "old.pem").write_bytes(public_pem(a_key("wechat new").public_key()))
    assert believes(channels, PUBLIC_KEY_ID, "wechat")
    await channels.refresh()
    assert not believes(channels, PUBLIC_KEY_ID, "wechat")
    assert believes(channels, PUBLIC_KEY_ID, "wechat new")


async def test_while_keys_rotate_under_load_no_right_notice_is_refused(folder):
    channels = opened(folder)
    answers: list[bool] = []

    async def notices():
        while len(answers) < 400:
            answers.append(believes(channels, PUBLIC_KEY_ID, "wechat"))
            await asyncio.sleep(0)

    async def rotations():
        for turn in range(20):
            ring = {PUBLIC_KEY_ID: "old.pem"}
            write(folder, ring if turn % 2 else {**ring, NEW_ID: "new.pem"})
            await channels.refresh()

    await asyncio.gather(notices(), rotations())
    assert all(answers)


@pytest.mark.parametrize("broken", [b"", b"nonsense", b"-----BEGIN PUBLIC KEY-----\n!\n"])
async def test_files_that_open_no_channel_leave_the_old_keys_serving(folder, broken):
    channels = opened(folder)
    (folder / "old.pem").write_bytes(broken)
    await channels.refresh()
    assert believes(channels, PUBLIC_KEY_ID, "wechat")


async def test_a_16_byte_key_is_refused_while_running_as_at_the_start(folder):
    channels = opened(folder)
    (folder / "v3.key").write_bytes(b"k" * 16)
    await channels.refresh()
    assert believes(channels, PUBLIC_KEY_ID, "wechat")
    with pytest.raises(ChannelMisconfigured):
        opened(folder)


async def test_a_channel_changes_its_merchant_at_a_start_only(folder):
    channels = opened(folder)
    write(folder, {PUBLIC_KEY_ID: "old.pem"}, mchid="1900000110")
    await channels.refresh()
    assert channels["wechat"].merchant == "1900000109"
    (folder / "payments.json").write_text("{}")
    await channels.refresh()
    assert list(channels) == ["wechat"]


async def test_certificates_show_how_long_they_last(folder):
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    from tests.adapters.wechat.minting import CERTIFICATE_SERIAL, a_certificate  # noqa: PLC0415

    certificate = a_certificate(a_key("wechat certificate"), int(CERTIFICATE_SERIAL, 16))
    (folder / "wechat.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    keys = [{"kind": "certificate", "serial": CERTIFICATE_SERIAL, "file": "wechat.crt"}]
    write(folder, {CERTIFICATE_SERIAL: "wechat.crt"}, platform_keys=keys)
    await opened(folder).refresh()
    (family,) = live.CERTIFICATE_LEFT.collect()
    left = {tuple(sample.labels.values()): sample.value for sample in family.samples}
    ends_in = certificate.not_valid_after_utc - NOON
    assert timedelta(seconds=left["wechat", CERTIFICATE_SERIAL]) == ends_in
