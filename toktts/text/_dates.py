"""Dates in figures, telephone numbers, numerals behind names, and figures that are names rather than amounts."""

import re

from toktts.text._numbers import cardinal, decimal, digits, ordinal, year
from toktts.text._rule import Rule
from toktts.text._wordlist import word_set

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SHORT_MONTHS = {"Mar": "March", "Apr": "April", "Jun": "June", "Jul": "July"}
ROMAN = {"I": 1, "V": 5, "X": 10}
NUMBERED = word_set(
    "Chapter Part Act Scene Volume Vol Book War Type Phase Section Title Article Class Appendix Figure Table "
    "Level Stage Grade Mark Mk Apollo Schedule Exhibit Bowl Canto Division Corps Lesson Unit Number Gemini Saturn "
    "Titan"
)
NO_NAMES = word_set(
    "A An The This That In On At Of For From To By With And Or But If When So As Is Was It He She We You They "
    "What How Now Then Here There No Not Or May Also All Well Yes"
)
RULERS = word_set(
    "Charles Henry George James Edward William Elizabeth Mary Richard Louis Francis Napoleon Pius Leo Frederick "
    "Philip Alexander Nicholas Peter Catherine Darius Xerxes Sargon Ramses Wilhelm Otto Ferdinand Robert Cyrus "
    "Artaxerxes Nebuchadnezzar Alfonso Umberto Ivan Paul John"
)


def roman(numeral: str) -> int | None:
    """Read a Roman numeral up to XXXIX, None where it is none.

    >>> [roman(numeral) for numeral in ("IV", "XXXIX", "VIII", "IIX")]
    [4, 39, 8, None]
    """
    if not re.fullmatch("X{0,3}(?:IX|IV|V?I{0,3})", numeral) or not numeral:
        return None
    values = [ROMAN[letter] for letter in numeral]
    follow = [*values[1:], 0]
    return sum(-value if value < after else value for value, after in zip(values, follow, strict=True))


def _numeral(match: re.Match[str]) -> str:
    """Behind a name an ordinal, behind a thing that is numbered a cardinal; the dot of an old style falls away."""
    name, numeral = match["name"], match["numeral"]
    number = roman(numeral)
    is_single = len(numeral) == 1 and name not in RULERS and name not in NUMBERED
    if number is None or name in NO_NAMES or is_single:
        return match[0]
    said = cardinal(number) if name in NUMBERED else f"the {ordinal(number)}"
    return f"{name}{match['gap']}{said}"


def _date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if month > 12:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{MONTHS[month - 1]} {ordinal(day)}, {_year(match['year'])}"


def _year(text: str) -> str:
    return year(int(text)) if text[0] in "12" else digits(text)


def _telephone(match: re.Match[str]) -> str:
    """Digit by digit, with a pause between the groups."""
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))


def _old_money(match: re.Match[str]) -> str:
    parts = [(match["pounds"], "pound", "pounds"), (match["shillings"], "shilling", "shillings")]
    if match["pence"]:
        parts.append((match["pence"], "penny", "pence"))
    return " ".join(f"{decimal(amount)} {one if amount == '1' else many}" for amount, one, many in parts)


DATE_RULES = (
    Rule(
        "ISO date",
        re.compile(r"(?<![\d-])(?P<year>[12]\d{3})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?![\d-])"),
        _date,
    ),
    Rule(
        "date",
        re.compile(r"(?<![\d/.,])(?P<month>\d\d?)/(?P<day>\d\d?)/(?P<year>[12]\d{3})(?![\d/])"),
        _date,
    ),
    Rule(
        "telephone",
        re.compile(
            r"(?<![\d.,-])(?:(?:\+?1[ -])?(?:\(\d{3}\) ?|\d{3}[ -])\d{3}-\d{4}"
            r"|(?:\+?1 )\d{3} \d{3} \d{4}|[2-9]\d\d-\d{4}(?<!00))"
            r"(?![\d-]|[.,]\d)|\+\d{1,3}(?:[ -]\d{2,5}){2,5}(?![\d-]|[.,]\d)"
        ),
        _telephone,
    ),
    Rule(
        "Roman numeral",
        re.compile(
            r"\b(?P<name>[A-Z][a-z]+)(?P<gap> )"
            r"(?P<numeral>(?:[IVX]{2,7}\b|[IVX](?=[,;:!?)']|\.(?! ?[A-Z])|$)|[VX](?= [a-z])))(?:\.(?=[,;:]| [a-z]))?"
        ),
        _numeral,
    ),
)
FIGURE_RULES = (
    Rule("number sign", re.compile(r"\bNo\. ?(?=[A-Z]{0,3}-?\d)"), lambda _: "number "),
    Rule("number sign", re.compile(r"\bNos\. ?(?=\d)"), lambda _: "numbers "),
    Rule("serial number", re.compile(r"(?<=[A-Z])-?(\d{3,})\b(?![.,:/%-]?\d)"), lambda match: " " + digits(match[1])),
    Rule("box number", re.compile(r"(?<=\bBox )\d{3,}\b(?![.,:/%-]?\d)"), lambda match: digits(match[0])),
    Rule(
        "calibre",
        re.compile(r"(?<![\w.])\.([234]\d)(?=[ -](?:caliber|calibre|rifle|pistol|revolver|gun|bullet|automatic)s?\b)"),
        lambda match: cardinal(int(match[1])),
    ),
    Rule(
        "shillings and pence",
        re.compile(
            r"£ ?(?P<pounds>\d[\d,]*+) (?P<shillings>\d\d?) ?s\b(?:\.(?!\s*$))?"
            r"(?: ?(?P<pence>\d\d?) ?d\b(?:\.(?!\s*$))?)?"
        ),
        _old_money,
    ),
    Rule("month", re.compile(r"\b(Mar|Apr|Jun|Jul)\. (?=\d)"), lambda match: f"{SHORT_MONTHS[match[1]]} "),
)
