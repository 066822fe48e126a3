"""`onepark sign`: the headers of a device's request, for curl.

Owns: how a signed request is tried by hand.
Never: sends anything.
"""

import json
import sys
import time
import uuid
from pathlib import Path
from typing import BinaryIO

import click

from onepark.infra.signing import decode_secret, sign


@click.command("sign")
@click.option(
    "--demo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=".onepark/demo.json",
    show_default=True,
    help="The description of a served demo city.",
)
@click.option("--lot", type=int, default=0, show_default=True, help="Which lot of it, from 0.")
@click.option("--side", type=click.Choice(["entry", "exit"]), default="entry", show_default=True)
@click.option("--body", "body_file", type=click.File("rb"), help="The body; none for a GET.")
def sign_request(demo: Path, *, lot: int, side: str, body_file: BinaryIO | None) -> None:
    """为请求签名 Print the headers that sign a request, one a line, for `curl -H @-`."""
    body = body_file.read() if body_file else b""
    lots = json.loads(demo.read_bytes())["lots"]
    if not 0 <= lot < len(lots):
        raise click.BadParameter(f"the city has {len(lots)} lots", param_hint="--lot")
    gate = lots[lot][side]
    message_id, now_s = f"msg_{uuid.uuid4().hex}", int(time.time())
    secret = decode_secret(gate["secret"])
    signature = sign(body, secret, message_id=message_id, timestamp_s=now_s)
    sys.stdout.write(
        f"onepark-device: {gate['device']}\n"
        f"webhook-id: {message_id}\n"
        f"webhook-timestamp: {now_s}\n"
        f"webhook-signature: {signature}\n"
    )
