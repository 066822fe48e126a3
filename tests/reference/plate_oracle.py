"""The grammar of plates as one regular expression a colour.

Owns: a second, independent reading of GA 36-2018.
Never: shares code with what it checks.
"""

import re
import unicodedata

AREA = "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新][A-HJ-NP-Z]"
ONE = "[0-9A-HJ-NP-Z]"
SEPARATORS = "[-.·•‧∙⋅・･\u2010-\u2015\u2212]"

ORDINARY = rf"{AREA}(?!(?:\d*[A-Z]){{3}}){ONE}{{5}}"
TEMPORARY = rf"{AREA}(?:临{ONE}{{4,5}}|{ONE}{{4,5}}[试超临])"
ENERGY_SMALL = rf"{AREA}[A-HJK]{ONE}[0-9]{{4}}"
ENERGY_LARGE = rf"{AREA}[0-9]{{5}}[A-HJK]"

FORMS = {
    "blue": rf"{ORDINARY}|{TEMPORARY}",
    "yellow": rf"{ORDINARY}|{TEMPORARY}|{AREA}{ONE}{{4}}[学挂]",
    "green": rf"{ENERGY_SMALL}|{ENERGY_LARGE}|民航{ONE}{{5}}",
    "yellow_green": ENERGY_LARGE,
    "white": (
        rf"{AREA}{ONE}{{4}}警|{AREA}{ONE}{{4,5}}应急|[A-HJ-NP-Z]{{2}}[0-9]{{5}}"
        rf"|WJ(?:警|{AREA[:33]})?{ONE}{{4,5}}"
    ),
    "black": rf"粤Z{ONE}{{4}}[港澳]|{AREA}{ONE}{{4}}领|使[0-9]{{6}}|[0-9]{{6}}使",
}
FORMS["unknown"] = "|".join(FORMS.values())
PATTERNS = {color: re.compile(f"(?:{form})", re.ASCII) for color, form in FORMS.items()}


def normalise(text: str) -> str:
    halved = [unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" else c for c in text]
    kept = [c for c in "".join(halved) if not is_space(c) and not re.fullmatch(SEPARATORS, c)]
    spelled = "".join(c.upper() if c.isascii() else c for c in kept)
    repaired = spelled[:2] + spelled[2:].replace("O", "0").replace("I", "1")
    return repaired if is_plausible(repaired, "unknown") else spelled


def is_space(c: str) -> bool:
    """Unicode's White_Space; Python also counts four separators of ASCII."""
    return c.isspace() and c not in "\x1c\x1d\x1e\x1f"


def is_plausible(text: str, color: str) -> bool:
    return PATTERNS[color].fullmatch(text) is not None


KINDS = {
    "embassy": r"使[0-9]{6}|[0-9]{6}使",
    "civil_aviation": rf"民航{ONE}{{5}}",
    "armed_police": rf"WJ(?:警|{AREA[:33]})?{ONE}{{4,5}}",
    "military": r"[A-HJ-NP-Z]{2}[0-9]{5}",
    "emergency": rf"{AREA}{ONE}{{4,5}}应急",
    "police": rf"{AREA}{ONE}{{4}}警",
    "learner": rf"{AREA}{ONE}{{4}}学",
    "trailer": rf"{AREA}{ONE}{{4}}挂",
    "consulate": rf"{AREA}{ONE}{{4}}领",
    "hong_kong": rf"粤Z{ONE}{{4}}港",
    "macao": rf"粤Z{ONE}{{4}}澳",
    "trial": rf"{AREA}{ONE}{{4,5}}试",
    "oversize": rf"{AREA}{ONE}{{4,5}}超",
    "temporary": rf"{AREA}(?:临{ONE}{{4,5}}|{ONE}{{4,5}}临)",
    "energy_small": ENERGY_SMALL,
    "energy_large": ENERGY_LARGE,
    "ordinary": ORDINARY,
}


def kind(text: str) -> str:
    found = (name for name, form in KINDS.items() if re.fullmatch(f"(?:{form})", text, re.ASCII))
    return next(found, "none")
