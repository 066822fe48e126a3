"""Refusals of whole requests of devices.

Owns: the codes, statuses and titles of what it declines.
Never: renders an answer.
"""

from typing import ClassVar

from onepark.kernel.errors import Refusal


class SignatureWrong(Refusal):
    """An unknown device, a missing header or a wrong signature: they look alike from outside."""

    code = "gate.signature_wrong"
    status = 401
    title = "The request is not signed by a known device."
    title_zh = "设备签名无效"


class StaleStamp(Refusal):
    """Rightly signed, but the stamp is more than 300 s away from the platform's clock."""

    code = "gate.stale_stamp"
    status = 401
    title = "The stamp is too old or too new; set the device's clock."
    title_zh = "请求时间戳超出允许范围，请校准设备时钟"


class BodyMalformed(Refusal):
    """The body is not the JSON object that the call takes."""

    code = "gate.body_malformed"
    status = 400
    title = "The body is not what this call takes."
    title_zh = "请求体格式错误"


class PassageCount(Refusal):
    """No passage, or more than a request may hold."""

    code = "gate.passage_count"
    status = 422
    title = "A request holds 1 to 1,000 passages."
    title_zh = "单次请求须包含 1 至 1000 条过车记录"


class SnapshotCount(Refusal):
    """No snapshot, or more than a request may hold."""

    code = "gate.snapshot_count"
    status = 422
    title = "A request holds 1 to 1,000 snapshots."
    title_zh = "单次请求须包含 1 至 1000 条快照"


class Busy(Refusal):
    """More passages wait than the bound allows; none of this request was taken."""

    code = "gate.busy"
    status = 503
    title = "Too many passages wait; send them again."
    title_zh = "平台繁忙，请稍后重发"
    retry_after_s: ClassVar[int | None] = 1
