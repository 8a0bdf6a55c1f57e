"""Rules that spell out English as it is written: amounts, times, ordinals, fractions, units, signs, abbreviations.

Each rule is a pattern and what its match is read as. They run in the order of `RULES`: what is more special first.
All patterns expect ASCII digits. No rule writes a digit or a sign, so a second pass finds nothing to do.
"""

import re
from collections.abc import Callable, Mapping

from toktts.text._numbers import LONGEST, cardinal, decimal, digits, fraction, ordinal, plural, year

# Possessive, and anchored by START below, so that a megabyte of digits still takes linear time.
NUMBER = r"(?:\d{1,3}(?:,\d{3}(?!\d))++|\d++)(?:\.\d++)?|\.\d++"
START = r"(?<!\d)(?<!\d,)"
CURRENCIES: Mapping[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
}
UNITS: Mapping[str, tuple[str, str]] = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"),
    "ft": ("foot", "feet"),
    "mi": ("mile", "miles"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "Hz": ("hertz", "hertz"),
    "kB": ("kilobyte", "kilobytes"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "ms": ("millisecond", "milliseconds"),
    "min": ("minute", "minutes"),
    "hrs": ("hour", "hours"),
    "kW": ("kilowatt", "kilowatts"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
}
SIGNS: Mapping[str, str] = {
    "&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "#": "number", "°": "degrees", "<": "less than",
    ">": "greater than", "/": "slash", "$": "dollar", "£": "pound", "€": "euro", "¥": "yen", "×": "times",
    "÷": "divided by", "±": "plus or minus", "©": "copyright", "®": "registered", "§": "section", "¢": "cents",
    "*": "", "_": "", "~": "", "^": "", "|": "", "\\": "", "•": "", "`": "",
}  # fmt: skip
ABBREVIATIONS: Mapping[str, str] = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint", "Jr": "Junior",
    "Sr": "Senior", "Capt": "Captain", "Col": "Colonel", "Gen": "General", "Lt": "Lieutenant", "Sgt": "Sergeant",
    "Maj": "Major", "Rev": "Reverend", "Hon": "Honorable", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative",
    "Mt": "Mount", "Ft": "Fort", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ltd": "Limited",
    "Inc": "Incorporated", "Co": "Company", "Corp": "Corporation", "Dept": "Department", "Esq": "Esquire",
    "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "approx": "approximately",
    "Jan": "January", "Feb": "February", "Aug": "August", "Sept": "September", "Oct": "October", "Nov": "November",
    "Dec": "December",
}  # fmt: skip
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
    return f" {match['half'][0].upper()} M" if match["half"] else ""


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
    if len(text) == 4 and text.isdigit() and text[0] in "12":
        return year(int(text))
    return decimal(text)


def _short(digits_only: str, say: Callable[[int], str]) -> str:
    return say(int(digits_only)) if len(digits_only) <= LONGEST else digits(digits_only)


def _choice(words: Mapping[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
RULES: tuple[Rule, ...] = (
    (
        re.compile(rf"(?P<currency>[{''.join(CURRENCIES)}]) ?(?P<amount>{NUMBER})(?: (?P<scale>{SCALE_WORDS})\b)?"),
        _money,
    ),
    (
        re.compile(
            r"(?<![\d:.,])(?P<hours>[01]?\d|2[0-4]):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d))?(?![\d:])"
            r"(?: ?(?P<half>[AaPp])\.?[Mm]\b\.?)?"
        ),
        _time,
    ),
    (
        re.compile(r"(?<![\d.,])(?P<hours>1[0-2]|[1-9]) ?(?P<half>[AaPp])\.?[Mm]\b\.?"),
        lambda m: cardinal(int(m["hours"])) + _half(m),
    ),
    (re.compile(r"(?<![\d.,])([12]\d\d0)'?s\b"), lambda m: plural(year(int(m[1])))),
    (re.compile(r"(?<![\d.,'])'?([2-9]0)'?s\b"), lambda m: plural(cardinal(int(m[1])))),
    (
        re.compile(START + r"(\d[\d,]*)(?:st|nd|rd|th)\b", re.IGNORECASE),
        lambda m: _short(m[1].replace(",", ""), ordinal),
    ),
    (re.compile(rf"{START}(?P<amount>{NUMBER})[eE](?P<sign>[+-]?)(?P<power>\d+)\b"), _exponent),
    (
        re.compile(r"(?<![\d/.,])(?:(\d{1,3}) )?(\d{1,3})/(\d{1,4})(?![\d/.,]*\d)"),
        lambda m: (f"{cardinal(int(m[1]))} and " if m[1] else "") + fraction(int(m[2]), int(m[3])),
    ),
    (re.compile(rf"{START}(?P<amount>{NUMBER}) ?(?P<unit>{_choice(UNITS)})(?!\w)"), _unit),
    (re.compile(r"\bNo\. ?(?=\d)"), lambda _: "number "),
    (re.compile(START + r"\d++(?:\.\d++){2,}"), lambda m: " point ".join(decimal(part) for part in m[0].split("."))),
    (re.compile(NUMBER), _alone),
)
MINUS = re.compile(r"(?<![^\s(\[\"'])-(?=[.$£€¥]?\d)")
HYPHENATED = re.compile(r"(?<![\d.,-])\d[\d.,]*+(?:-\d[\d.,]*+)+")
ABBREVIATION = re.compile(rf"\b(?P<short>{_choice(ABBREVIATIONS)})\.(?P<end>\s*$)?")
SIGN = re.compile(f"[{re.escape(''.join(SIGNS))}]")


def spell_numbers(text: str) -> str:
    """Spell out everything that holds a digit.

    >>> spell_numbers("In 1999, 3/4 of it cost $5.10 at 10:30.")
    'In nineteen ninety-nine, three quarters of it cost five dollars and ten cents at ten thirty.'

    Args:
        text: with ASCII digits only.
    """
    text = HYPHENATED.sub(_range, MINUS.sub("minus ", text))
    for pattern, say in RULES:
        text = pattern.sub(lambda match, say=say: _apart(match, say(match)), text)  # type: ignore[misc]
    return text


def _apart(match: re.Match[str], words: str) -> str:
    """Keep words apart from letters that the number stood against."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return (" " if before.isalnum() else "") + words + (" " if after.isalnum() else "")


def spell_signs(text: str) -> str:
    """Spell out signs; those that only mark up text fall away.

    >>> spell_signs("salt & pepper").split()
    ['salt', 'and', 'pepper']
    """
    return SIGN.sub(lambda match: f" {SIGNS[match[0]]} ", text)


def spell_abbreviations(text: str) -> str:
    """Spell out abbreviations with a full stop, which stays where it also ends the text.

    >>> spell_abbreviations("Dr. Smith, Mr. Wu etc.")
    'Doctor Smith, Mister Wu et cetera.'
    """
    return ABBREVIATION.sub(
        lambda match: _apart(match, ABBREVIATIONS[match["short"]]) + ("" if match["end"] is None else "."), text
    )
