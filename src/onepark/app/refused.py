"""What is kept of every refusal: a line in the log, and a count of those that tell of trouble.

Owns: what such a line says, and which refusals count as a sender that was not believed or as a lack
of room.
Never: keeps a body, a path as it was sent, or a whole plate.
"""

import re
from typing import Any

import structlog
from litestar import Request

from onepark.infra.metrics import counter
from onepark.kernel.staff import Principal

NOT_BELIEVED = 401
FOR_NOW = frozenset({429, 503})
OURS = 500
DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the form of every device's name
ODD = "(no name)"  # bytes beyond ASCII come decoded wrongly, and would escape the masks

AUTHN_FAILURES = counter("authn_failures", "Requests whose sender was not believed.", ("kind",))
TURNED_AWAY = counter(
    "admission_rejected", "Requests that were turned away for now: 429 and 503.", ("reason",)
)

_log = structlog.get_logger()


def note(request: Request[Any, Any, Any], code: str, status: int) -> None:
    """Count a refusal and write its line; codes are a closed list, so they may be labels."""
    count(code, status)
    level = _log.warning if status >= OURS else _log.info
    level("http.refused", code=code, status=status, **sender_of(request))


def count(code: str, status: int) -> None:
    """Count a refusal that says something of its sender or of our room."""
    if status == NOT_BELIEVED:
        AUTHN_FAILURES.labels(code).inc()
    elif status in FOR_NOW:
        TURNED_AWAY.labels(code).inc()


def sender_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Say what was asked for, and by which device or person: a device as it calls itself."""
    device = request.headers.get("onepark-device", "")
    principal = request.state.get("principal")
    staff = principal.login if isinstance(principal, Principal) else ""
    said = {
        "method": request.method,
        "route": str(request.scope.get("path_template") or ""),
        "device": device if not device or DEVICE.fullmatch(device) else ODD,
        "staff": staff,
    }
    return {name: value for name, value in said.items() if value}
