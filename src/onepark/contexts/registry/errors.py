"""Refusals of the registry.

Owns: their codes and sentences.
Never: tells an operator that another one has a device of this name.
"""

from onepark.kernel.errors import Refusal


class LotUnknown(Refusal):
    """No lot has this code."""

    code = "registry.lot_unknown"
    status = 404
    title = "No such lot."
    title_zh = "停车场不存在"


class DeviceUnknown(Refusal):
    """No device has this id, or it is another operator's."""

    code = "registry.device_unknown"
    status = 404
    title = "No such device."
    title_zh = "设备不存在"


class TooManySecrets(Refusal):
    """Former keys of the device are still good; end them with an overlap of 0, or wait."""

    code = "registry.too_many_secrets"
    status = 409
    title = "The device has too many keys that are still good."
    title_zh = "该设备仍有效的密钥过多"
