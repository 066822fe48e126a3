"""Refusals of taking money.

Owns: the codes, statuses and titles of what it declines.
Never: renders an answer.
"""

from typing import ClassVar

from onepark.kernel.errors import Refusal


class NoticeUnverified(Refusal):
    """A notice whose signature, key or form proves nothing; it changes nothing."""

    code = "payments.notice_unverified"
    status = 401
    title = "The notice cannot be verified."
    title_zh = "支付通知验签失败"


class NoticeStale(NoticeUnverified):
    """Rightly signed but outside the window: a hint to ask the provider, nothing more."""

    code = "payments.notice_stale"
    title = "The notice is too old or too new."
    title_zh = "支付通知时间戳超出允许范围"

    def __init__(self, detail: str, *, out_trade_no: str | None, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.out_trade_no = out_trade_no


class ChannelUnknown(Refusal):
    """No such channel is open here."""

    code = "payments.channel_unknown"
    status = 404
    title = "No such payment channel."
    title_zh = "支付渠道不存在"


class ChannelUnavailable(Refusal):
    """The provider did not answer, or answered nonsense; the outcome of the attempt is open."""

    code = "payments.channel_unavailable"
    status = 503
    title = "The payment channel does not answer."
    title_zh = "支付渠道暂时不可用"
    retry_after_s: ClassVar[int | None] = 5


class ChannelDeclined(Refusal):
    """The provider understood and declined."""

    code = "payments.channel_declined"
    status = 409
    title = "The payment channel declined."
    title_zh = "支付渠道拒绝了请求"


class KindNotOffered(Refusal):
    """The channel is open, but nobody pays through it like this."""

    code = "payments.kind_not_offered"
    status = 422
    title = "The payment channel does not offer this way of paying."
    title_zh = "该支付渠道不支持此付款方式"


class PayerMissing(Refusal):
    """A payment inside an app needs its payer, and no other one may name him."""

    code = "payments.payer_missing"
    status = 422
    title = "The payer's id is missing or not asked for."
    title_zh = "缺少付款人标识或不应提供付款人标识"


class ReceiptOfAnotherLot(Refusal):
    """A receipt of a lot that is not one's own, or for an order of another lot."""

    code = "payments.receipt_lot_unknown"
    status = 404
    title = "No such lot takes money for this order."
    title_zh = "停车场不存在或与订单不符"


class ReceiptReused(Refusal):
    """The lot told another receipt under this number."""

    code = "payments.receipt_reused"
    status = 409
    title = "This receipt number was told with another content."
    title_zh = "该收据号已用于其他收款"


class ReceiptAmountDiffers(Refusal):
    """What was taken is not what the order owes; nothing is settled."""

    code = "payments.receipt_amount_differs"
    status = 422
    title = "The amount is not what the order owes now."
    title_zh = "收款金额与订单应付金额不符"


class ReceiptInvalid(Refusal):
    """A receipt that cannot be right, whatever the order owes."""

    code = "payments.receipt_invalid"
    status = 422
    title = "The receipt cannot be right."
    title_zh = "收据内容无效"


class KeyMissing(Refusal):
    """A payment is only begun under a key of the client's own."""

    code = "payments.idempotency_key_missing"
    status = 400
    title = "The Idempotency-Key header is missing or longer than 128 characters."
    title_zh = "缺少 Idempotency-Key 请求头或其长度超过 128 个字符"


class KeyReused(Refusal):
    """The key was used for another request."""

    code = "payments.idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used for another request."
    title_zh = "该 Idempotency-Key 已用于其他请求"


class PaymentUnknown(Refusal):
    """Nothing was paid under this number, as far as this person may see."""

    code = "payments.payment_unknown"
    status = 404
    title = "No such payment."
    title_zh = "支付单不存在"


class RefundUnknown(Refusal):
    """No refund has this number, as far as this person may see."""

    code = "payments.refund_unknown"
    status = 404
    title = "No such refund."
    title_zh = "退款单不存在"


class RefundAbovePaid(Refusal):
    """Less is left of what was paid; ``left_fen`` says how much."""

    code = "payments.refund_above_paid"
    status = 409
    title = "More would go back than was paid."
    title_zh = "退款金额超过可退金额"


class RefundNotWaiting(Refusal):
    """The refund is under way, done, or ruled on already."""

    code = "payments.refund_not_waiting"
    status = 409
    title = "The refund does not wait for a person."
    title_zh = "该退款单无需人工处理"


class RefundOpen(Refusal):
    """The provider has not said what became of it: it may be paid yet."""

    code = "payments.refund_open"
    status = 409
    title = "The provider may pay this refund yet: have it tried again."
    title_zh = "支付机构尚未给出结果，只能重试"


class RefundImpossible(Refusal):
    """The request for a refund contradicts itself."""

    code = "payments.refund_impossible"
    status = 422
    title = "The refund cannot be so."
    title_zh = "退款请求无效"
