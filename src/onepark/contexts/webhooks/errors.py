"""Refusals of webhooks.

Owns: their codes, statuses and sentences.
Never: decides when one is raised.
"""

from onepark.kernel.errors import Refusal


class UrlRefused(Refusal):
    """The URL is none that we would call; the facts name the field and why."""

    code = "webhooks.url_refused"
    status = 422
    title = "This URL cannot be called."
    title_zh = "回调地址不可用"


class EndpointUnknown(Refusal):
    """No endpoint of this operator has this number, or it has ended."""

    code = "webhooks.endpoint_unknown"
    status = 404
    title = "No such endpoint."
    title_zh = "推送端点不存在"


class EndpointKnown(Refusal):
    """The operator is told there already."""

    code = "webhooks.endpoint_known"
    status = 409
    title = "This URL is an endpoint already."
    title_zh = "该地址已登记"


class TooManyEndpoints(Refusal):
    """An operator has only so many endpoints."""

    code = "webhooks.too_many_endpoints"
    status = 409
    title = "The operator has as many endpoints as it may."
    title_zh = "推送端点数量已达上限"


class TooManySecrets(Refusal):
    """The key was changed twice within its overlap."""

    code = "webhooks.too_many_secrets"
    status = 409
    title = "Two keys of this endpoint are still good."
    title_zh = "该端点已有两把有效密钥"


class OperatorOnly(Refusal):
    """The city has no endpoints of its own."""

    code = "webhooks.operator_only"
    status = 403
    title = "Endpoints belong to operators."
    title_zh = "推送端点仅限经营单位"


class DeliveryUnknown(Refusal):
    """No delivery of this number is dead."""

    code = "webhooks.delivery_unknown"
    status = 404
    title = "No such delivery waits for a person."
    title_zh = "推送记录不存在或无需重试"
