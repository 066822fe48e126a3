"""Who sends a request.

Owns: where a request comes from, as limits count it.
Never: believes a header; who stands in front of us has put the address right.
"""

from typing import Any

from litestar import Request


def address_of(request: Request[Any, Any, Any]) -> str:
    """Return where a request comes from; nothing where nobody knows."""
    return request.client.host if request.client else ""
