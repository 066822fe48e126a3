"""Who is told of invoices: signed webhooks and mail, until they are heard."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from onepark.contexts.invoices import rules
from onepark.contexts.invoices.desk import FleetInvoiceAsked
from onepark.contexts.invoices.errors import (
    ListenerInvalid,
    OrdersDiffer,
    RequestInvalid,
    TitleUnknown,
)
from onepark.contexts.invoices.model import Contact, Document, InvoiceState
from onepark.contexts.invoices.office import ListenerAsked
from onepark.contexts.invoices.telling import Telling
from onepark.contexts.invoices.titles import FleetAsked
from onepark.infra.mail import Mail, MailMisconfigured, MailUnsent, SmtpMailer, SpoolMailer
from onepark.integrations.webhooks.poster import open_poster
from tests.builders import EIGHT, minutes
from tests.fakes import smtp_sink
from tests.store.invoices.conftest import (
    COMPANY,
    FINANCE,
    SOMEBODY,
    STRANGER,
    Bureau,
    a_paid_order,
    ask,
)

SENDER = "invoices@parking.example"


class Listener:
    """An operator's address; it answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)


@pytest.fixture
async def listener():
    listener, app = Listener(), web.Application()
    app.router.add_post("/invoices", listener.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/invoices"
    yield listener
    await runner.cleanup()


@pytest.fixture
async def sink():
    async with smtp_sink.served() as sink:
        yield sink


@pytest.fixture
async def telling(bureau: Bureau, sink):
    async with open_poster(loopback=True) as posts:
        yield Telling(
            bureau.db,
            issuing=bureau.issuing,
            posts=posts,
            mailer=SmtpMailer(f"smtp://127.0.0.1:{sink.port}", sender=SENDER),
            sealer=bureau.sealer,
            clock=bureau.city.clock,
            public_url="https://parking.example/",
        )


async def test_an_operator_hears_of_an_invoice_under_one_id_until_it_answers(
    bureau: Bureau, telling: Telling, listener: Listener
):
    told = await bureau.office.set_listener(ListenerAsked(listener.url), by=FINANCE)
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(2)
    listener.statuses = [500, 302]
    for _ in range(5):
        await telling.tell()
        bureau.city.clock.go(minutes(5))
    assert len(listener.heard) == 3, "two were not heard, and what was is not told again"
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    headers, body = listener.heard[-1]
    stamp = int(headers["webhook-timestamp"])
    judge = Webhook(told.secret)
    signature = judge.sign(headers["webhook-id"], datetime.fromtimestamp(stamp, UTC), body.decode())
    assert headers["webhook-signature"] == signature, "as another author signs"
    content = msgspec.json.decode(body)
    assert (content["type"], content["data"]["invoice_no"]) == ("invoice.issued", made.invoice_no)
    [sent] = (await bureau.desk.one(made.invoice_no, by=FINANCE)).told
    assert (sent.tries, sent.delivered_at is not None) == (3, True)


async def test_whoever_never_answers_is_given_up_in_the_end(
    bureau: Bureau, telling: Telling, listener: Listener
):
    await bureau.office.set_listener(ListenerAsked(listener.url), by=FINANCE)
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(2)
    listener.statuses = [503] * 100
    for _ in range(30):
        await telling.tell()
        bureau.city.clock.go(minutes(300))
    assert len(listener.heard) == rules.TELL_MAX
    [sent] = (await bureau.desk.one(made.invoice_no, by=FINANCE)).told
    assert (sent.next_try_at, sent.delivered_at, sent.trouble) == (None, None, "status_503")


async def test_a_buyer_gets_mail_and_its_address_is_kept_sealed(
    bureau: Bureau, telling: Telling, sink, owner
):
    sink.refuses = 1
    contact = Contact("buyer@example.com", "13800000000")
    made = await ask(bureau, await a_paid_order(bureau), contact=contact)
    assert b"example.com" not in await owner.fetchval("SELECT contact FROM invoices.invoice")
    await bureau.work(2)
    for _ in range(4):
        await telling.tell()
        bureau.city.clock.go(minutes(5))
    [(sender, to, message)] = sink.taken
    assert (sender, to) == (SENDER, "buyer@example.com")
    text = body_of(message)
    link = f"https://parking.example/v1/invoices/{made.invoice_no}"
    assert f"{link}/file?format=pdf" in text
    assert "10.00 元" in text
    asked = bureau.provider.books[made.invoice_no].asked
    assert asked.contact == contact, "the provider is told where to send it as well"
    bureau.city.clock.go(minutes(60 * 24 * 91))
    await bureau.issuing.forget_contacts()
    assert await owner.fetchval("SELECT contact FROM invoices.invoice") is None


def body_of(message: EmailMessage) -> str:
    part = message.get_body()
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


async def test_nobody_is_told_who_did_not_want_to_hear(bureau: Bureau, telling: Telling, owner):
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(2)
    assert await bureau.state(made) == InvoiceState.ISSUED
    assert await telling.tell() == 0


@pytest.mark.parametrize(
    "url",
    ["http://parking.example/x", "https://10.0.0.1/x", "https://user@parking.example/", "ftp://a.b/",
     "https://intranet/", "https://169.254.169.254/latest", "https://[fd00::1]/"],
)  # fmt: skip
async def test_an_address_inside_our_network_is_not_posted_to(bureau: Bureau, url):
    with pytest.raises(ListenerInvalid):
        await bureau.office.set_listener(ListenerAsked(url), by=FINANCE)


async def test_a_name_that_leads_into_our_network_is_not_posted_to(
    bureau: Bureau, telling: Telling, listener: Listener, owner
):
    await bureau.office.set_listener(ListenerAsked(listener.url), by=FINANCE)
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(2)
    inside = listener.url.replace("127.0.0.1", "localhost")
    await owner.execute("UPDATE invoices.listener SET url = $1", inside)
    await telling.tell()
    assert listener.heard == []
    [sent] = (await bureau.desk.one(made.invoice_no, by=FINANCE)).told
    assert (sent.delivered_at, sent.trouble) == (None, "the URL must begin with https://")


async def test_mail_is_laid_into_a_folder_once_a_message(tmp_path: Path):
    mail = Mail("msg_1", "a@b.example", "开票 Invoice", "你好\n.\n", EIGHT)
    mailer = SpoolMailer(tmp_path / "mail", sender=SENDER)
    await mailer.send(mail)
    await mailer.send(mail)
    [file] = (tmp_path / "mail").iterdir()
    assert b"Message-ID: <msg_1@parking.example>" in file.read_bytes()


async def test_a_mail_server_that_is_not_there_takes_nothing():
    mail = Mail("m", "a@b.example", "s", "t", EIGHT)
    with pytest.raises(MailUnsent):
        await SmtpMailer("smtp://127.0.0.1:1", sender=SENDER).send(mail)


@pytest.mark.parametrize("url", ["http://a", "smtp://", "smtp://user:secret@mail.example"])
def test_a_mail_server_that_would_see_a_password_in_clear_is_refused(url):
    with pytest.raises(MailMisconfigured):
        SmtpMailer(url, sender=SENDER)


# -- titles --------------------------------------------------------------------------------------


async def test_a_title_is_found_by_its_token_alone_and_forgotten(bureau: Bureau, owner):
    kept = await bureau.titles.keep(COMPANY)
    row = await owner.fetchrow("SELECT token_hash, title FROM invoices.kept_title")
    assert kept.title_token.encode() not in row["token_hash"]
    assert COMPANY.name.encode() not in row["title"], "it lies there sealed"
    assert await bureau.titles.use(kept.title_token) == COMPANY
    with pytest.raises(TitleUnknown):
        await bureau.titles.use("A" * 32)
    await bureau.titles.forget(kept.title_token)
    with pytest.raises(TitleUnknown):
        await bureau.titles.use(kept.title_token)


async def test_a_title_that_nobody_uses_is_forgotten_after_two_years(bureau: Bureau):
    kept = await bureau.titles.keep(SOMEBODY)
    bureau.city.clock.go(rules.TITLE_KEPT + minutes(1))
    await bureau.titles.forget_unused()
    with pytest.raises(TitleUnknown):
        await bureau.titles.use(kept.title_token)


async def test_a_fleet_is_invoiced_for_its_own_cars(bureau: Bureau, owner):
    order_no, other = await a_paid_order(bureau), await a_paid_order(bureau)
    plate = await owner.fetchval("SELECT plate FROM stays.stay_order WHERE order_no = $1", order_no)
    assert COMPANY.tax_id is not None
    asked = FleetAsked(COMPANY.name, COMPANY.tax_id, (plate,), "fleet@example.com")
    fleet = await bureau.titles.file_fleet(asked, by=FINANCE)
    page = await bureau.titles.fleets(plate=plate, after=0, limit=10, by=FINANCE)
    assert page.fleet_titles == (fleet,)
    number = fleet.fleet_title_id
    made = await bureau.desk.invoice_fleet(number, FleetInvoiceAsked((order_no,)), by=FINANCE)
    assert (made.buyer_tax_id, made.document) == (COMPANY.tax_id, Document.GENERAL)
    with pytest.raises(OrdersDiffer):
        await bureau.desk.invoice_fleet(number, FleetInvoiceAsked((other,)), by=FINANCE)
    with pytest.raises(TitleUnknown):
        await bureau.titles.fleet(number, by=STRANGER)
    with pytest.raises(RequestInvalid):
        await bureau.titles.file_fleet(msgspec.structs.replace(asked, operator_id=70), by=FINANCE)
