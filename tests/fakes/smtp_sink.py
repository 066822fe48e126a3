"""A mail server on this machine that keeps what it is given, and can be told to refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class SmtpSink:
    """Speaks as much of RFC 5321 as a client needs to hand a message over."""

    port: int = 0
    refuses: int = 0  # so many messages are refused for now
    taken: list[tuple[str, str, EmailMessage]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = to = ""
        writer.write(b"220 sink ready\r\n")
        while line := (await reader.readline()).decode().strip():
            word, _, rest = line.partition(" ")
            match word.upper():
                case "EHLO" | "HELO":
                    writer.write(b"250 sink\r\n")
                case "MAIL":
                    sender = rest.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n")
                case "RCPT":
                    to = rest.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n")
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    writer.write(self._take(sender, to, await self._body(reader)))
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 ok\r\n")
        writer.close()

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while (line := await reader.readline()) != b".\r\n":
            body += line.removeprefix(b".") if line.startswith(b"..") else line
        return body

    def _take(self, sender: str, to: str, body: bytes) -> bytes:
        if self.refuses:
            self.refuses -= 1
            return b"451 try later\r\n"
        message = message_from_bytes(body, _class=EmailMessage, policy=policy.default)
        self.taken.append((sender, to, message))
        return b"250 taken\r\n"


@asynccontextmanager
async def served() -> AsyncIterator[SmtpSink]:
    sink = SmtpSink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        await server.wait_closed()
