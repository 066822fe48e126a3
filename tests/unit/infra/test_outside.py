"""What strangers' URLs may lead to, and what they may not."""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from onepark.infra.http_client import PeerUnavailable
from onepark.infra.outside import OutsideResolver, is_outside, open_outside_client, why_not

INSIDE = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::"),
]
OUTSIDE = ["1.1.1.1", "114.114.114.114", "223.5.5.5", "2400:3200::1", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_our_own_or_of_no_network_is_outside(address):
    assert not is_outside(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_public_network_is_outside(address):
    assert is_outside(address)


def test_a_demonstration_may_call_its_own_machine_and_no_other_inside():
    outside = [one for one in INSIDE if is_outside(one, loopback=True)]
    assert outside == ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_every_private_address_is_inside(address):
    assert not is_outside(str(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://parking.example.com/", "ftp://parking.example.com/", "https:///x", "//x/", ""),
        *("https://a:b@parking.example.com/", "https://parking.example.com/#x", "https://[::1"),
        *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data"),
        *("https://[::ffff:10.0.0.1]/", "https://x:99999/", "https://停车.example.com/"),
        *(
            "https://parking.example.com/ x",
            "https://parking.example.com/\n",
            "javascript:alert(1)",
        ),
        "https://parking.example.com/" + "x" * 500,
    ],
)
def test_a_url_that_is_never_called_is_refused_with_a_reason(url):
    assert why_not(url)


@pytest.mark.parametrize(
    "url", ["https://parking.example.com/onepark?a=b", "https://1.1.1.1:8443/", "https://x.cn"]
)
def test_a_url_of_a_public_server_may_be_called(url):
    assert why_not(url) is None


def test_only_a_demonstration_is_told_in_the_clear_and_only_on_its_own_machine():
    assert why_not("http://127.0.0.1:8000/", loopback=True) is None
    assert why_not("http://1.1.1.1/", loopback=True)
    assert why_not("http://localhost/", loopback=True)


class Leads(AbstractResolver):
    """A name server under a stranger's hand, which changes its mind."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers, self.asked = iter(answers), 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [a_result(host, address, port) for address in next(self._answers)]

    async def close(self) -> None: ...


def a_result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0
    )


async def test_a_name_one_of_whose_addresses_is_inside_is_not_called():
    resolver = OutsideResolver(Leads(["1.1.1.1"], ["1.1.1.1", "10.0.0.1"], ["127.0.0.1"]))
    assert [one["host"] for one in await resolver.resolve("x.cn", 443)] == ["1.1.1.1"]
    for _ in range(2):
        with pytest.raises(OSError, match="not public"):
            await resolver.resolve("x.cn", 443)
    await resolver.close()


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001"])
async def test_a_name_for_this_machine_however_it_is_written_is_not_called(host, unused_server):
    port, hits = unused_server
    async with open_outside_client(
        timeout_s=2.0, answer_bytes_max=100, connections_max=1
    ) as client:
        with pytest.raises(PeerUnavailable):
            await client.request("GET", f"http://{host}:{port}/", headers={})
    assert hits == []


@pytest.fixture
async def unused_server() -> Any:
    """Something that listens on this machine, and nobody may reach."""
    hits: list[int] = []

    async def hit(_reader: Any, writer: asyncio.StreamWriter) -> None:
        hits.append(1)
        writer.close()

    server = await asyncio.start_server(hit, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], hits
    server.close()
