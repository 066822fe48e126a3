"""Mail: one message, handed to a server or laid into a folder.

Owns: how a message is written, and the two ways to get rid of it.
Never: retries, or knows what a message is about.
"""

import asyncio
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct

TIMEOUT_S = 15.0
PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


class MailUnsent(Exception):
    """Nobody took the message; it may be sent again under the same id."""


class MailMisconfigured(Exception):
    """The address of the mail server cannot be one."""


class Mail(Struct, frozen=True):
    """A message; the same id is the same message, however often it is sent."""

    message_id: str
    to: str
    subject: str
    text: str
    at: datetime


class SmtpMailer:
    """Hands messages to a server: ``smtps``, ``smtp+starttls``, or ``smtp`` on this machine."""

    def __init__(self, url: str, *, sender: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise MailMisconfigured("a mail server is smtps://, smtp+starttls:// or smtp://")
        if parts.scheme == "smtp" and parts.username:
            raise MailMisconfigured("a password is not sent in clear: smtps or smtp+starttls")
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or PORTS[parts.scheme]
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        """Hand a message over, in a thread: the library waits."""
        try:
            await asyncio.to_thread(self._send, written(mail, self._sender))
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnsent(type(error).__name__) from error

    def _send(self, message: EmailMessage) -> None:
        with self._connect() as server:
            if self._scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self._login[0]:
                server.login(*self._login)
            server.send_message(message)

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)


class SpoolMailer:
    """Lays messages into a folder, one file a message id: of a demonstration."""

    def __init__(self, folder: Path, *, sender: str) -> None:
        self._folder, self._sender = folder, sender

    async def send(self, mail: Mail) -> None:
        """Write a message to the folder."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise MailUnsent(type(error).__name__) from error

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = "".join(one if one.isalnum() else "-" for one in mail.message_id)
        draft = self._folder / f"{name}.tmp"
        draft.write_bytes(written(mail, self._sender).as_bytes())
        draft.replace(self._folder / f"{name}.eml")


def written(mail: Mail, sender: str) -> EmailMessage:
    """Return a message as it crosses the wire; a line break in a header raises."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, mail.to, mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}@{sender.rpartition('@')[2]}>"
    message.set_content(mail.text)
    return message
