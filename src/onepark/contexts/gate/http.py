"""Endpoints of devices: signed with Standard Webhooks headers.

Owns: where a signed request's headers and body are read.
Never: decides, or answers before the service has.
"""

from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from onepark.contexts.gate.errors import (
    BodyMalformed,
    Busy,
    PassageCount,
    SignatureWrong,
    SnapshotCount,
    StaleStamp,
)
from onepark.contexts.gate.model import (
    SIGNED_BY,
    AckAnswers,
    AcksIn,
    Commands,
    Credentials,
    HeartbeatAnswer,
    HeartbeatReport,
    PassageReport,
    PassageResults,
    SnapshotReport,
    SnapshotResults,
)
from onepark.contexts.gate.service import WAIT_MAX_S, Gate
from onepark.contexts.stays.errors import StoreUnavailable
from onepark.infra.openapi import refusals

SIGNED: list[dict[str, list[str]]] = [
    {"device": [], "message": [], "timestamp": [], "signature": []}
]
TAGS = ["gate 道闸与设备"]

PASSAGES_EXAMPLE = {
    "passages": [
        {
            "passage_id": "e7c1f0c2a9",
            "lot": "320281001101",
            "lane": "320281001101-E1",
            "kind": "entry",
            "plate": "苏B12345",
            "plate_color": "blue",
            "vehicle": "small",
            "seen_at": "2026-11-22T08:30:00+08:00",
        }
    ]
}
SNAPSHOTS_EXAMPLE = {
    "snapshots": [
        {
            "snapshot_id": "s-20261122-0830",
            "lot": "320281001101",
            "taken_at": "2026-11-22T08:30:00+08:00",
            "pools": {"short_stay": {"free": 41}, "charging": {"occupied": 6}},
        }
    ]
}
HEARTBEAT_EXAMPLE = {
    "device_time": "2026-11-22T08:30:00+08:00",
    "status": "ok",
    "barriers": [
        {
            "lane": "320281001101-X1",
            "raised_at": "2026-11-22T08:02:00+08:00",
            "by": "hand",
            "lowered_at": "2026-11-22T08:19:30+08:00",
        }
    ],
}


def credentials_of(request: Request[Any, Any, Any]) -> Credentials:
    """Return the four headers of a signed request, empty where absent."""
    return Credentials(*(request.headers.get(name, "") for name in SIGNED_BY))


@post(
    "/v1/gate/passages",
    status_code=200,
    tags=TAGS,
    summary="上报过车记录 Report passages",
    description=(
        "一次上报 1 至 1000 条；逐条应答，顺序与请求一致，提交入库后才应答。"
        "1 to 1,000 passages, answered one by one in their order, after their commit."
    ),
    security=SIGNED,
    opt={"body": PassageReport, "body_example": PASSAGES_EXAMPLE},
    responses=refusals(
        SignatureWrong, StaleStamp, BodyMalformed, PassageCount, Busy, StoreUnavailable
    ),
)
async def report_passages(
    request: Request[Any, Any, Any], gate: NamedDependency[Gate]
) -> PassageResults:
    """Cars went in, stand at an exit, or have gone."""
    return await gate.passages(credentials_of(request), await request.body())


@post(
    "/v1/gate/snapshots",
    status_code=200,
    tags=TAGS,
    summary="上报占用快照 Report what the lot holds",
    description=(
        "车场自己的绝对计数，断网恢复后及每分钟上报；只增不改，用于校准，不掩盖漂移。"
        "The lot's own absolute counts, after a break and every minute: kept as said, they "
        "calibrate the counts without hiding how far these have drifted. 1 to 1,000, answered "
        "one by one."
    ),
    security=SIGNED,
    opt={"body": SnapshotReport, "body_example": SNAPSHOTS_EXAMPLE},
    responses=refusals(SignatureWrong, StaleStamp, BodyMalformed, SnapshotCount),
)
async def report_snapshots(
    request: Request[Any, Any, Any], gate: NamedDependency[Gate]
) -> SnapshotResults:
    """A lot says what it holds."""
    return await gate.snapshots(credentials_of(request), await request.body())


@post(
    "/v1/gate/heartbeats",
    status_code=200,
    tags=TAGS,
    summary="设备心跳与校时 Heartbeat and time",
    description=(
        "签名正确即返回平台时间，不论时间戳偏差多少，设备据此校时。"
        "抬杆情况逐条应答。"
        "A right signature is answered with the platform's time, whatever its stamp. What it says "
        "of barriers is answered one by one."
    ),
    security=SIGNED,
    opt={"body": HeartbeatReport, "body_example": HEARTBEAT_EXAMPLE},
    responses=refusals(SignatureWrong, BodyMalformed),
)
async def beat(request: Request[Any, Any, Any], gate: NamedDependency[Gate]) -> HeartbeatAnswer:
    """A device lives."""
    return await gate.heartbeat(credentials_of(request), await request.body())


@get(
    "/v1/gate/commands",
    tags=TAGS,
    summary="领取指令（长轮询） Commands by long poll",
    description=(
        "无指令时最多等待 wait_s 秒。指令过期作废，确认前会重复下发。"
        "Waits up to wait_s seconds; a command is void after expires_at and repeated until acked."
    ),
    security=SIGNED,
    responses=refusals(SignatureWrong, StaleStamp),
)
async def poll_commands(
    request: Request[Any, Any, Any],
    gate: NamedDependency[Gate],
    wait_s: FromQuery[Annotated[int, QueryParameter(ge=0, le=WAIT_MAX_S)]] = 25,
) -> Commands:
    """Ask what to do."""
    return await gate.commands(credentials_of(request), wait_s=wait_s)


@post(
    "/v1/gate/commands/acks",
    status_code=200,
    tags=TAGS,
    summary="确认指令 Acknowledge commands",
    description="报告指令执行结果，可重复。Say what became of commands; repeats are harmless.",
    security=SIGNED,
    opt={"body": AcksIn, "body_example": {"acks": [{"command_id": 17, "result": "done"}]}},
    responses=refusals(SignatureWrong, StaleStamp, BodyMalformed),
)
async def acknowledge(request: Request[Any, Any, Any], gate: NamedDependency[Gate]) -> AckAnswers:
    """Commands were carried out, or not."""
    return await gate.acknowledge(credentials_of(request), await request.body())


HANDLERS = [report_passages, report_snapshots, beat, poll_commands, acknowledge]
