"""Addresses as they are read aloud: e-mail, URLs and bare domains."""

import re
from collections.abc import Mapping

from toktts.text._rule import Rule

DOMAINS = "com|org|net|edu|gov|mil|int|info|io|dev|ai|app|uk|ca|de|fr|eu|ch|nl|dk|jp|au|nz|ie"
SPOKEN: Mapping[str, str] = {
    ".": "dot", "@": "at", "-": "dash", "_": "underscore", "+": "plus", "/": "slash", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", ":": "colon", "~": "tilde",
}  # fmt: skip
PART = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]")


def say_address(text: str) -> str:
    """Read an address part by part.

    >>> say_address("www.example.co.uk/a-b")
    'W W W dot example dot co dot uk slash a dash b'
    """
    bare = re.sub(r"^[a-z]+://", "", text, flags=re.IGNORECASE).rstrip("/")
    parts = ["W W W" if part.lower() == "www" else SPOKEN.get(part, part) for part in PART.findall(bare)]
    return " ".join(parts)


WEB_RULES = (
    Rule(
        "e-mail",
        re.compile(r"(?<![\w.+-])[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"),
        lambda match: say_address(match[0]),
    ),
    Rule(
        "URL",
        re.compile(
            r"\b(?:https?|ftp)://[!-Z^-~]*[A-Za-z0-9/]|(?<![A-Za-z0-9.-])www\.[!-Z^-~]*[A-Za-z0-9/]", re.IGNORECASE
        ),
        lambda match: say_address(match[0]),
    ),
    Rule(
        "domain",
        re.compile(
            rf"(?<![A-Za-z0-9.-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}"
            rf"(?:{DOMAINS})(?![A-Za-z-])(?!\.[A-Za-z])(?:/[!-Z^-~]*[A-Za-z0-9/])?"
        ),
        lambda match: say_address(match[0]),
    ),
)
