"""The peer of E1: FastAPI, SQLAlchemy 2 with asyncpg, uvicorn.

Owns: its endpoint, the signature of a device, and the transaction of a request.
Never: leaves a duty out that the platform has on the same request: signature, idempotency, entry,
exit, fee, counts, an outbox, and a commit before the answer.

Told by the environment: PEER_DATABASE_URL, PEER_GATES (a JSON file), PEER_ONE_BY_ONE (1: the
passages of a request are taken one after the other in its transaction, else all at once).
"""

import base64
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peer.model import Base, Passage, Passages, Result, Results, Signed
from benchmarks.peer.service import Gate, take

WINDOW_S = 300
CONNECTIONS = 16

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=CONNECTIONS, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)
ONE_BY_ONE = os.environ.get("PEER_ONE_BY_ONE") == "1"


def read_gates(file: Path) -> Mapping[str, Gate]:
    """Return the devices by their id."""
    every = (
        Gate(**{**one, "secret": base64.b64decode(one["secret"])})
        for one in json.loads(file.read_bytes())
    )
    return {gate.device: gate for gate in every}


GATES = read_gates(Path(os.environ["PEER_GATES"]))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


def signed_by(body: bytes, signed: Signed) -> Gate:
    """Return the gate that signed a body just now, or refuse."""
    gate = GATES.get(signed.onepark_device)
    if gate is None or not signed.webhook_timestamp.isdigit():
        raise HTTPException(401)
    content = f"{signed.webhook_id}.{signed.webhook_timestamp}.".encode() + body
    made = base64.b64encode(hmac.digest(gate.secret, content, "sha256")).decode()
    given = [part.removeprefix("v1,") for part in signed.webhook_signature.split(" ")]
    if not any(hmac.compare_digest(made, one) for one in given):
        raise HTTPException(401)
    if abs(time.time() - int(signed.webhook_timestamp)) > WINDOW_S:
        raise HTTPException(401)
    return gate


@app.post("/v1/gate/passages")
async def report_passages(request: Request, signed: Annotated[Signed, Header()]) -> Response:
    """Take passages and answer them after their commit."""
    body = await request.body()
    gate = signed_by(body, signed)
    try:
        passages = Passages.model_validate_json(body).passages
    except ValidationError as error:
        raise HTTPException(400, str(error)) from None
    async with sessions.begin() as session:
        results = await _taken(session, gate, passages)
    told = Results(results=results).model_dump_json(exclude_none=True)
    return Response(told, media_type="application/json")


async def _taken(session: AsyncSession, gate: Gate, passages: Sequence[Passage]) -> list[Result]:
    if not ONE_BY_ONE:
        return await take(session, gate, passages)
    return [(await take(session, gate, [one]))[0] for one in passages]


@app.get("/readyz")
async def ready() -> Response:
    return Response()
