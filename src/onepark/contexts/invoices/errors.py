"""Refusals of making out invoices.

Owns: the codes, statuses and titles of what it declines.
Never: renders an answer.
"""

from typing import ClassVar

from onepark.kernel.errors import Refusal


class InvoiceUnknown(Refusal):
    """No invoice has this number, as far as whoever asks may see."""

    code = "invoices.invoice_unknown"
    status = 404
    title = "No such invoice."
    title_zh = "发票不存在"


class PaymentUnknown(Refusal):
    """No payment of an order has one of these numbers: whoever asks has not paid it."""

    code = "invoices.payment_unknown"
    status = 404
    title = "No payment of this order has this number."
    title_zh = "支付单号与订单不符"


class TitleUnknown(Refusal):
    """No title was kept under this token, or it was forgotten."""

    code = "invoices.title_unknown"
    status = 404
    title = "No such title."
    title_zh = "发票抬头不存在"


class TitleInvalid(Refusal):
    """The title cannot be one; ``field`` says what is wrong with it."""

    code = "invoices.title_invalid"
    status = 422
    title = "The title is not valid."
    title_zh = "发票抬头无效"


class RequestInvalid(Refusal):
    """The request contradicts itself; ``field`` says where."""

    code = "invoices.request_invalid"
    status = 422
    title = "The request cannot be so."
    title_zh = "开票请求无效"


class OrderStillOpen(Refusal):
    """The car has not left: neither the fee nor the time is final."""

    code = "invoices.order_still_open"
    status = 409
    title = "The car has not left yet; an invoice is made out afterwards."
    title_zh = "车辆尚未离场，请离场后开票"


class NothingPaid(Refusal):
    """Nothing stays paid of the order."""

    code = "invoices.nothing_paid"
    status = 409
    title = "Nothing was paid for this order, or it went back."
    title_zh = "该订单无实付金额"


class OrderInvoiced(Refusal):
    """An invoice of the order stands; another one comes only after it was taken back."""

    code = "invoices.order_invoiced"
    status = 409
    title = "An invoice of this order stands already."
    title_zh = "该订单已开具发票"


class OrdersDiffer(Refusal):
    """The orders cannot stand on one invoice: another seller, or another kind of revenue."""

    code = "invoices.orders_differ"
    status = 422
    title = "These orders do not go on one invoice."
    title_zh = "所选订单不能合并开票"


class FiscalReceiptOnly(Refusal):
    """The fee belongs to the treasury: it is no taxable sale."""

    code = "invoices.fiscal_receipt_only"
    status = 409
    title = "This fee is non-tax revenue: a fiscal receipt is made out, never a VAT invoice."
    title_zh = "该费用为政府非税收入，仅开具财政电子票据，不开具增值税发票"


class VatInvoiceOnly(Refusal):
    """The fee is a taxable sale."""

    code = "invoices.vat_invoice_only"
    status = 409
    title = "This fee is a sale: an invoice is made out, never a fiscal receipt."
    title_zh = "该费用为经营收入，仅开具发票，不开具财政电子票据"


class SellerMissing(Refusal):
    """Nobody is filed now in whose name this operator's invoices are made out."""

    code = "invoices.seller_missing"
    status = 409
    title = "This operator makes out no such documents yet."
    title_zh = "该经营单位尚未开通开票"


class SellerInvalid(Refusal):
    """The seller cannot be so; ``field`` says what is wrong with it."""

    code = "invoices.seller_invalid"
    status = 422
    title = "The seller cannot be so."
    title_zh = "开票主体信息无效"


class ChannelNotInvoiced(Refusal):
    """The provider makes out invoices only for what was paid through its own channels."""

    code = "invoices.channel_not_invoiced"
    status = 409
    title = "The invoice provider does not cover the way in which this was paid."
    title_zh = "该支付方式暂不支持开票"


class NotWaiting(Refusal):
    """The invoice is not in a state in which a person may do this."""

    code = "invoices.not_waiting"
    status = 409
    title = "This cannot be done to the invoice as it stands."
    title_zh = "发票当前状态不允许此操作"


class FileMissing(Refusal):
    """The document is not made out yet, or its provider gives no such file."""

    code = "invoices.file_missing"
    status = 404
    title = "There is no such file of this invoice."
    title_zh = "发票文件不存在"


class ListenerInvalid(Refusal):
    """The address cannot be one that the platform posts to."""

    code = "invoices.listener_invalid"
    status = 422
    title = "The platform does not post to this address."
    title_zh = "推送地址无效"


class TooManyRequests(Refusal):
    """This address asks for too many invoices."""

    code = "invoices.too_many_requests"
    status = 429
    title = "Too many requests for invoices; try later."
    title_zh = "开票请求过于频繁"


class ProviderUnavailable(Refusal):
    """The provider did not answer, or answered nonsense: what it did is open."""

    code = "invoices.provider_unavailable"
    status = 503
    title = "The invoice provider does not answer."
    title_zh = "开票服务暂时不可用"
    retry_after_s: ClassVar[int | None] = 5


class ProviderDeclined(Refusal):
    """The provider understood and declined."""

    code = "invoices.provider_declined"
    status = 409
    title = "The invoice provider declined."
    title_zh = "开票服务拒绝了请求"
