"""What is kept of every refusal: a line in the log, and a count of those that tell of trouble.

Owns: what such a line says, which refusals count as a sender that was not believed or as a lack of
room, and how often a flood of the latter is told of.
Never: keeps a body, a path as it was sent, or a whole plate.
"""

import re
import time
from functools import cache

import structlog
from litestar.types import HTTPScope
from prometheus_client import Counter

from onepark.infra.metrics import counter
from onepark.kernel.staff import Principal

NOT_BELIEVED = 401
FOR_NOW = frozenset({429, 503})
OURS = 500
TOLD_EVERY_S = 1.0
DEVICE = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the form of every device's name
DEVICE_HEADER = b"onepark-device"
ODD = "(no name)"  # bytes beyond ASCII come decoded wrongly, and would escape the masks

AUTHN_FAILURES = counter("authn_failures", "Requests whose sender was not believed.", ("kind",))
TURNED_AWAY = counter(
    "admission_rejected", "Requests that were turned away for now: 429 and 503.", ("reason",)
)

_log = structlog.get_logger()


def note(scope: HTTPScope, code: str, status: int) -> None:
    """Count a refusal and write its line; codes are a closed list, so they may be labels.

    Those for lack of room come by the thousand, and writing of each would leave less room still:
    one line a second tells how many there were since the last.
    """
    count(code, status)
    told: dict[str, int] = {}
    if status in FOR_NOW:
        times = FLOOD.times(code, time.monotonic())
        if not times:
            return
        told = {"times": times}
    level = _log.warning if status >= OURS else _log.info
    level("http.refused", code=code, status=status, **told, **sender_of(scope))


class Flood:
    """When refusals of a kind were last told of, and how many there were since."""

    def __init__(self) -> None:
        self._told_s: dict[str, float] = {}
        self._since: dict[str, int] = {}

    def times(self, code: str, now_s: float) -> int:
        """Return how many refusals a line would stand for now; 0 if it is too early for one."""
        since = self._since.get(code, 0) + 1
        if now_s - self._told_s.get(code, -TOLD_EVERY_S) < TOLD_EVERY_S:
            self._since[code] = since
            return 0
        self._told_s[code], self._since[code] = now_s, 0
        return since


FLOOD = Flood()


def count(code: str, status: int) -> None:
    """Count a refusal that says something of its sender or of our room."""
    if status == NOT_BELIEVED:
        AUTHN_FAILURES.labels(code).inc()
    elif status in FOR_NOW:
        _turned_away(code).inc()


@cache
def _turned_away(code: str) -> Counter:
    return TURNED_AWAY.labels(code)


def sender_of(scope: HTTPScope) -> dict[str, str]:
    """Say what was asked for, and by which device or person: a device as it calls itself."""
    called = next((value for name, value in scope["headers"] if name == DEVICE_HEADER), b"")
    device = called.decode("latin-1")
    principal = scope.get("state", {}).get("principal")  # nobody has any state on a short way
    staff = principal.login if isinstance(principal, Principal) else ""
    said = {
        "method": scope["method"],
        "route": str(scope.get("path_template") or ""),
        "device": device if not device or DEVICE.fullmatch(device) else ODD,
        "staff": staff,
    }
    return {name: value for name, value in said.items() if value}
