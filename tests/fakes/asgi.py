"""A client that speaks to an app in this process."""

from typing import Any

import httpx


def client_of(app: Any, *, bugs_are_raised: bool = True) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=bugs_are_raised)
    return httpx.AsyncClient(transport=transport, base_url="http://test")
