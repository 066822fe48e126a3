"""Alipay's form gateway on the wire: texts that are signed, forms and answers.

Owns: which fields a signature covers, in which order and bytes, for requests, answers and notices.
Never: decodes twice, re-serialises an answer, or takes a scheme other than RSA2.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from onepark.integrations.payments import keys
from onepark.integrations.payments.keys import Unproven

SCHEME = "RSA2"
FIELDS_MAX = 100
CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "gb18030": "gb18030"}
UNSIGNED_IN_NOTICE = frozenset({b"sign", b"sign_type"})

_ESCAPED = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*")


def request_text(fields: Mapping[str, str]) -> bytes:
    """Return what the signature of a request covers: every field that is not empty."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value).encode()


def read_form(body: bytes) -> dict[bytes, bytes]:
    """Split a form and undo its escapes once; anything out of form is refused."""
    parts = body.split(b"&")
    if len(parts) > FIELDS_MAX:
        raise Unproven("form", "The form has too many fields.")
    fields: dict[bytes, bytes] = {}
    for part in parts:
        name, equals, value = part.partition(b"=")
        if not (name and equals) or _ESCAPED.fullmatch(part) is None:
            raise Unproven("form", "The body is no form.")
        name = _plain(name)
        if name in fields:
            raise Unproven("form", "The form gives a field twice.")
        fields[name] = _plain(value)
    return fields


def proven_notice(body: bytes, key: RSAPublicKey) -> dict[str, str]:
    """Return the fields of a trade notice that Alipay has signed; empty ones stay out.

    The text leaves ``sign`` and ``sign_type`` out. Notices of another kind sign ``sign_type`` too,
    with another key; they have another endpoint and are refused at this one.
    """
    fields = read_form(body)
    if fields.get(b"sign_type") != SCHEME.encode():
        raise Unproven("signature_type", "The notice is not signed with RSA2.")
    covered = sorted((n, v) for n, v in fields.items() if v and n not in UNSIGNED_IN_NOTICE)
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


def _plain(escaped: bytes) -> bytes:
    return unquote_to_bytes(escaped.replace(b"+", b" "))


def _decoded(fields: list[tuple[bytes, bytes]], charset: bytes) -> dict[str, str]:
    """Turn proven bytes into text, in the charset that they name."""
    codec = CHARSETS.get(charset.decode("latin-1").lower())
    if codec is None:
        raise Unproven("charset", "The notice is in a charset that we do not take.")
    try:
        return {name.decode(codec): value.decode(codec) for name, value in fields}
    except UnicodeDecodeError as error:
        raise Unproven("charset", "The notice is not in the charset that it names.") from error
