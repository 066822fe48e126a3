"""Which invoice providers are open.

Owns: that WeChat Pay makes out invoices with the keys that it takes money with.
Never: opens one that fails a test of the payments file.
"""

from pathlib import Path

from onepark.contexts.invoices.ports import InvoiceProvider
from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient
from onepark.integrations.invoices.by_hand import ByHand
from onepark.integrations.invoices.wechat import WechatInvoices
from onepark.integrations.payments import config


def open_providers(
    payments_file: Path | None, client: HttpClient, clock: Clock, *, demo: bool
) -> dict[str, InvoiceProvider]:
    """Open every provider by name; a person's desk is always open."""
    opened: dict[str, InvoiceProvider] = {"by_hand": ByHand()}
    merchant = None if payments_file is None else config.wechat_merchant(payments_file, demo=demo)
    if merchant is not None:
        opened["wechat"] = WechatInvoices(
            client,
            clock,
            base_url=merchant.base_url,
            mchid=merchant.mchid,
            held=merchant.held,
            answer_serial=merchant.answer_serial,
        )
    return opened
