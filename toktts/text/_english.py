"""Rules that spell out English as it is written: dates, amounts, times, ordinals, fractions, units, signs and more.

They run in the order of `RULES`: what is more special first.
All patterns expect ASCII digits. No rule writes a digit or a sign, so a second pass finds nothing to do.
"""

import re
from collections.abc import Callable, Mapping

from toktts.text._dates import DATE_RULES, FIGURE_RULES
from toktts.text._numbers import LONGEST, cardinal, decimal, digits, fraction, ordinal, plural, year
from toktts.text._rule import Rule
from toktts.text._tables import ABBREVIATIONS, CURRENCIES, SIGNS, UNITS
from toktts.text._web import WEB_RULES
from toktts.text._wordlist import word_set

# Possessive, and anchored by START below, so that a megabyte of digits still takes linear time.
NUMBER = r"(?:\d{1,3}(?:,\d{3}(?!\d))++|\d++)(?:\.\d++)?|\.\d++"
START = r"(?<!\d)(?<!\d,)"
SCALE_WORDS = "hundred|thousand|million|billion|trillion"


def count(amount: str, one: str, many: str) -> str:
    """Say an amount of something.

    >>> [count("1", "mile", "miles"), count("1.5", "mile", "miles")]
    ['one mile', 'one point five miles']
    """
    return f"{decimal(amount)} {one if amount == '1' else many}"


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = CURRENCIES[match["currency"]]
    amount, scale = match["amount"], match["scale"]
    if scale:
        return f"{decimal(amount)} {scale} {many}"
    whole, _, part = amount.partition(".")
    if len(part) != 2:
        return count(amount, one, many)
    small = count(str(int(part)), cent, cents)
    if not int(part):
        return count(whole or "0", one, many)
    return f"{count(whole, one, many)} and {small}" if whole.strip("0") else small


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds = match["hours"], match["minutes"], match["seconds"]
    words = [cardinal(int(hours))]
    if int(minutes):
        words.append(f"oh {cardinal(int(minutes))}" if minutes.startswith("0") else cardinal(int(minutes)))
    elif not match["half"] and not seconds:
        words.append("o'clock")
    if seconds:
        words.append(f"and {count(str(int(seconds)), 'second', 'seconds')}")
    return " ".join(words) + _half(match)


def _half(match: re.Match[str]) -> str:
    if not match["half"]:
        return ""
    ends_text = match[0].endswith(".") and not match.string[match.end() :].strip(" \"')")
    return f" {match['half'][0].upper()} M" + ("." if ends_text else "")


def _range(match: re.Match[str]) -> str:
    """From two numbers a range; from more a date or a telephone number."""
    parts = match[0].split("-")
    return (" to " if len(parts) == 2 else " ").join(parts)


def _unit(match: re.Match[str]) -> str:
    return count(match["amount"], *UNITS[match["unit"]])


def _exponent(match: re.Match[str]) -> str:
    sign = "minus " if match["sign"] == "-" else ""
    return f"{decimal(match['amount'])} times ten to the {sign}{decimal(match['power'])}"


def _alone(match: re.Match[str]) -> str:
    text = match[0]
    if len(text) == 4 and text.isdigit() and text[0] in "12" and not _counts(match):
        return year(int(text))
    return decimal(text)


def _counts(match: re.Match[str]) -> bool:
    """Whether four digits say how many rather than when: things in the plural follow, and nothing before says when."""
    if YEAR_CUE.search(match.string[max(0, match.start() - 12) : match.start()]):
        return False
    follower = COUNTED.match(match.string, match.end(), match.end() + 40)
    return follower is not None and follower[1] not in NOT_COUNTED


def _short(digits_only: str, say: Callable[[int], str]) -> str:
    return say(int(digits_only)) if len(digits_only) <= LONGEST else digits(digits_only)


def _choice(words: Mapping[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


NUMBER_RULES = (
    Rule(
        "money",
        re.compile(rf"(?P<currency>[{''.join(CURRENCIES)}]) ?(?P<amount>{NUMBER})(?: (?P<scale>{SCALE_WORDS})\b)?"),
        _money,
    ),
    Rule(
        "time",
        re.compile(
            r"(?<![\d:.,])(?P<hours>[01]?\d|2[0-4]):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?(?![\d:])"
            r"(?: ?(?P<half>[AaPp])\.?[Mm]\b\.?)?"
        ),
        _time,
    ),
    Rule(
        "time",
        re.compile(r"(?<![\d.,])(?P<hours>1[0-2]|[1-9]) ?(?P<half>[AaPp])\.?[Mm]\b\.?"),
        lambda m: cardinal(int(m["hours"])) + _half(m),
    ),
    Rule(
        "ratio",
        re.compile(r"(?<![\d:.,])(\d{1,6}(?:\.\d{1,6})?):(\d{1,6}(?:\.\d{1,6})?)(?![\d:])"),
        lambda m: f"{m[1]} to {m[2]}",
    ),
    Rule("decade", re.compile(r"(?<![\d.,])([12]\d\d0)'?s\b"), lambda m: plural(year(int(m[1])))),
    Rule("decade", re.compile(r"(?<![\d.,'])'?([2-9]0)'?s\b"), lambda m: plural(cardinal(int(m[1])))),
    Rule(
        "ordinal",
        re.compile(START + r"(\d[\d,]*)(?:st|nd|rd|th)\b", re.IGNORECASE),
        lambda m: _short(m[1].replace(",", ""), ordinal),
    ),
    Rule("power of ten", re.compile(rf"{START}(?P<amount>{NUMBER})[eE](?P<sign>[+-]?)(?P<power>\d+)\b"), _exponent),
    Rule(
        "fraction",
        re.compile(r"(?<![\d/.,])(?:(\d{1,3}) )?(\d{1,3})/(\d{1,4})(?![\d/.,]*\d)"),
        lambda m: (f"{cardinal(int(m[1]))} and " if m[1] else "") + fraction(int(m[2]), int(m[3])),
    ),
    Rule(
        "unit", re.compile(rf"{START}(?P<amount>{NUMBER}) ?(?P<unit>{_choice(UNITS)})(?!\w)(?:\.(?= [a-z\d]))?"), _unit
    ),
    Rule(
        "version",
        re.compile(START + r"\d++(?:\.\d++){2,}"),
        lambda m: " point ".join(decimal(part) for part in m[0].split(".")),
    ),
    Rule("number", re.compile(NUMBER), _alone),
)
YEAR_CUE = re.compile(
    r"\b(?:in|of|since|by|from|to|until|till|before|after|around|during|year|early|late|circa|and|January|February"
    r"|March|April|May|June|July|August|September|October|November|December)\W*$",
    re.IGNORECASE,
)
COUNTED = re.compile(r" ([a-z]{3,}s)\b")
NOT_COUNTED = word_set("this thus plus does goes less was has his its across perhaps always towards unless")
ABBREVIATION = re.compile(rf"\b(?P<short>{_choice(ABBREVIATIONS)})\.(?P<end>\s*$)?")


def _abbreviation(match: re.Match[str]) -> str:
    """In full; the full stop stays where it also ends the text."""
    return ABBREVIATIONS[match["short"]] + ("" if match["end"] is None else ".")


RULES: tuple[Rule, ...] = (
    *WEB_RULES,
    *DATE_RULES,
    *FIGURE_RULES,
    Rule("minus", re.compile(r"(?<![^\s(\[\"'])-(?=[.$£€¥]?\d)"), lambda _: "minus "),
    Rule("range", re.compile(r"(?<![\d.,-])\d[\d.,]*+(?:-\d[\d.,]*+)+"), _range),
    *NUMBER_RULES,
    Rule("and so on", re.compile(r"&c\b\.?(?P<end>\s*$)?"), lambda m: "et cetera" + ("" if m["end"] is None else ".")),
    Rule("sign", re.compile(f"[{re.escape(''.join(SIGNS))}]"), lambda match: f" {SIGNS[match[0]]} "),
    Rule("street", re.compile(r"(?<=[a-z] )St\.(?=[,;:)]| [a-z])"), lambda _: "Street"),
    Rule("abbreviation", ABBREVIATION, _abbreviation),
)
"""All of them, in the order in which they run."""
