"""Numbers in English words, as they are said in the United States."""

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
LONGEST = 15
"""Digits of the longest number read as one; longer ones are read digit by digit."""


def digits(text: str) -> str:
    """Read digit by digit.

    >>> digits("007")
    'zero zero seven'
    """
    return " ".join(ONES[int(digit)] for digit in text)


def cardinal(number: int) -> str:
    """Say how many.

    >>> cardinal(1_234_021)
    'one million two hundred thirty-four thousand twenty-one'

    Args:
        number: 0 or more; above 15 digits it is read digit by digit.
    """
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return f"{TENS[tens]}-{ONES[ones]}" if ones else TENS[tens]
    if number >= 10**LONGEST:
        return digits(str(number))
    scale, name = next((scale, name) for scale, name in SCALES if number >= scale)
    count, rest = divmod(number, scale)
    return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """Say which one.

    >>> [ordinal(n) for n in (1, 12, 20, 101)]
    ['first', 'twelfth', 'twentieth', 'one hundred first']

    Args:
        number: 0 or more.
    """
    words = cardinal(number)
    last = max(words.rfind(" "), words.rfind("-")) + 1
    head, tail = words[:last], words[last:]
    if tail in IRREGULAR_ORDINALS:
        return head + IRREGULAR_ORDINALS[tail]
    if tail.endswith("y"):
        return f"{head}{tail[:-1]}ieth"
    return f"{head}{tail}th"


def year(number: int) -> str:
    """Say a year of four digits.

    >>> [year(n) for n in (1066, 1900, 1905, 1999, 2000, 2005, 2024)]
    ['ten sixty-six', 'nineteen hundred', 'nineteen oh five', 'nineteen ninety-nine', 'two thousand', \
'two thousand five', 'twenty twenty-four']

    Args:
        number: 1000 to 9999.
    """
    century, rest = divmod(number, 100)
    if number % 1000 < 10:
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def decimal(text: str) -> str:
    """Say a number as it is written, with or without a decimal point.

    >>> [decimal(text) for text in ("3.14", "0.5", ".5", "1,000", "007")]
    ['three point one four', 'zero point five', 'zero point five', 'one thousand', 'zero zero seven']

    Args:
        text: ASCII digits, commas between them, at most one point.
    """
    whole, point, fraction = text.replace(",", "").partition(".")
    if whole.startswith("0") and len(whole) > 1:
        words = digits(whole)
    else:
        words = cardinal(int(whole or "0")) if len(whole) <= LONGEST else digits(whole)
    return f"{words} point {digits(fraction)}" if point and fraction else words


def fraction(numerator: int, denominator: int) -> str:
    """Say a fraction.

    >>> [fraction(1, 2), fraction(3, 4), fraction(2, 3), fraction(24, 7), fraction(9, 11), fraction(5, 1000)]
    ['one half', 'three quarters', 'two thirds', 'twenty-four sevenths', 'nine elevenths', 'five over one thousand']

    Args:
        numerator: 0 or more.
        denominator: 0 or more; from 2 to 100 it has a name.
    """
    if not 2 <= denominator <= 100:
        return f"{cardinal(numerator)} over {cardinal(denominator)}"
    names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one, many = names.get(denominator, (ordinal(denominator), f"{ordinal(denominator)}s"))
    return f"{cardinal(numerator)} {one if numerator == 1 else many}"


def plural(words: str) -> str:
    """Put the last word of a number into the plural: a decade.

    >>> [plural("nineteen ninety"), plural("eighteen hundred")]
    ['nineteen nineties', 'eighteen hundreds']
    """
    if words.endswith("x"):
        return f"{words}es"
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
