"""Alipay's form gateway on the wire: texts that are signed, forms and answers.

Owns: which fields a signature covers, in which order and bytes, for requests, answers and notices.
Never: decodes twice, re-serialises an answer, or takes a scheme other than RSA2.
"""

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from onepark.integrations.payments import keys
from onepark.integrations.payments.forms import read_form
from onepark.integrations.payments.keys import Unproven

SCHEME = "RSA2"
CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
UNSIGNED_IN_NOTICE = frozenset({b"sign", b"sign_type"})
UNSIGNED_IN_MESSAGE = frozenset({b"sign"})


def request_text(fields: Mapping[str, str]) -> bytes:
    """Return what the signature of a request covers: every field that is not empty."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value).encode()


def proven_notice(
    body: bytes, key: RSAPublicKey, *, unsigned: frozenset[bytes] = UNSIGNED_IN_NOTICE
) -> dict[str, str]:
    """Return the fields of a notice that Alipay has signed; empty ones stay out.

    The text of a trade notice leaves ``sign`` and ``sign_type`` out. A message to the app signs
    ``sign_type`` too, with another key; it has another endpoint and is refused at this one.
    """
    fields = read_form(body)
    if fields.get(b"sign_type") != SCHEME.encode():
        raise Unproven("signature_type", "The notice is not signed with RSA2.")
    covered = sorted((n, v) for n, v in fields.items() if v and n not in unsigned)
    text = b"&".join(name + b"=" + value for name, value in covered)
    if not keys.proves(key, fields.get(b"sign", b"").decode("latin-1"), text):
        raise Unproven("signature_wrong", "The signature does not fit the notice.")
    return _decoded(covered, fields.get(b"charset", b"utf-8"))


def answer_node(body: bytes, node: str) -> tuple[bytes, str]:
    """Return the raw bytes of an answer's node and its signature, empty if it bears none."""
    try:
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        signature = msgspec.json.decode(answer.get("sign", b'""'), type=str)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unproven("form", "The answer is not JSON.") from error
    raw = answer.get(node) or answer.get("error_response")
    if raw is None:
        raise Unproven("form", f"The answer has no {node}.")
    return bytes(raw), signature


def _decoded(fields: list[tuple[bytes, bytes]], charset: bytes) -> dict[str, str]:
    """Turn proven bytes into text, in the charset that they name."""
    codec = CHARSETS.get(charset.decode("latin-1").lower())
    if codec is None:
        raise Unproven("charset", "The notice is in a charset that we do not take.")
    try:
        return {name.decode(codec): value.decode(codec) for name, value in fields}
    except UnicodeDecodeError as error:
        raise Unproven("charset", "The notice is not in the charset that it names.") from error
