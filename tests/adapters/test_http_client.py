"""A peer that is slow, large, moved or gone costs a bounded time and one error."""

import asyncio
import gzip
import json

import pytest
from aiohttp import web

from onepark.infra.http_client import PeerUnavailable, open_http_client

ANSWER_BYTES_MAX = 10_000


async def echo(request):
    return web.json_response(
        {"target": request.raw_path, "body": (await request.read()).decode()},
        headers={"X-Seen": request.headers.get("X-Sent", "")},
    )


async def moved(_):
    return web.Response(status=302, headers={"Location": "/echo", "Set-Cookie": "a=1"})


async def large(_):
    return web.Response(body=b"x" * (ANSWER_BYTES_MAX + 1))


async def unfolding(_):
    body = gzip.compress(bytes(20_000_000))
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def slow(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(b".")
        await asyncio.sleep(0.05)
    return response


async def nonsense(request):
    assert request.transport is not None
    request.transport.write(b"HTTP/9.9 what\r\n\r\n")
    request.transport.close()
    return web.Response()


@pytest.fixture
async def peer():
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/echo/{tail:.*}", echo)
    for handler in (moved, large, unfolding, slow, nonsense):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def client():
    async with open_http_client(timeout_s=1.0, answer_bytes_max=ANSWER_BYTES_MAX) as opened:
        yield opened


async def test_an_answer_comes_whole_with_lower_case_header_names(peer, client):
    answer = await client.request(
        "POST", f"{peer}/echo", headers={"X-Sent": "here"}, body="停车".encode()
    )
    assert (answer.status, answer.headers["x-seen"]) == (200, "here")
    assert json.loads(answer.body) == {"target": "/echo", "body": "停车"}


@pytest.mark.parametrize("path", ["/echo/a%2Fb%7E?x=%2B&y=a+b", "/echo/a|b*c?q='1'"])
async def test_a_signed_target_travels_byte_for_byte(peer, client, path):
    answer = await client.request("GET", f"{peer}{path}", headers={})
    assert path.encode() in answer.body


async def test_a_redirect_is_an_answer_and_is_not_followed(peer, client):
    answer = await client.request("GET", f"{peer}/moved", headers={})
    assert (answer.status, answer.body) == (302, b"")


@pytest.mark.parametrize("path", ["large", "unfolding", "slow", "nonsense"])
async def test_too_much_too_slow_or_no_http_is_one_error(peer, client, path):
    with pytest.raises(PeerUnavailable):
        await client.request("GET", f"{peer}/{path}", headers={})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::", "nonsense", "http://no-such-host.invalid/"]
)
async def test_where_nobody_answers_is_the_same_error(client, url):
    with pytest.raises(PeerUnavailable):
        await client.request("GET", url, headers={})
