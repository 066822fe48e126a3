"""Clients that speak to an app in this process."""

from typing import Any

import httpx


def client_of(app: Any, *, bugs_are_raised: bool = True) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=bugs_are_raised)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def a_scope(method: str, path: str, query: str = "") -> Any:
    """What a server tells an app of a request without headers."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
