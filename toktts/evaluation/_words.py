"""Text -> the words that count, so that a digit, a hyphen or a British spelling is not an error; and how many differ.

This is a yardstick and does not follow the normalisers of `toktts.text`: scores of last year must stay comparable.
"""

import re
import unicodedata
from collections.abc import Sequence

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
NUMBER_WORDS = {*ONES, *TENS, *ORDINALS.values(), "hundred", "thousand", "million", "billion"} - {""}
SAME = {
    **{"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "okay": "ok", "vs": "versus", "grey": "gray"},
    **{"colour": "color", "favour": "favor", "favourite": "favorite", "harbour": "harbor", "honour": "honor"},
    **{"labour": "labor", "neighbour": "neighbor", "neighbours": "neighbors", "colours": "colors"},
    **{"centre": "center", "theatre": "theater", "metre": "meter", "towards": "toward", "travelled": "traveled"},
    **{"travelling": "traveling", "recognise": "recognize", "recognised": "recognized", "realise": "realize"},
    **{"realised": "realized", "organise": "organize", "organised": "organized", "plough": "plow", "oh": "o"},
}
SYMBOLS = {"&": " and ", "%": " percent ", "+": " plus ", "=": " equals ", "@": " at ", "°": " degrees "}
MONEY = {"$": "dollar", "£": "pound", "€": "euro"}
LONGEST = 12  # digits of a number read as one


def words(text: str) -> list[str]:
    """Say what is to be heard of a text, in lower-case ASCII words.

    >>> words("Mr. O'Neil paid $1,250 - on the 21st!")
    ['mister', 'oneil', 'paid', 'one', 'thousand', 'two', 'hundred', 'fifty', 'dollars', 'on', 'the', 'twenty', 'first']
    """
    plain = unicodedata.normalize("NFKD", text.lower()).replace("\u2019", "'").replace("\u2018", "'")
    plain = _spell_numbers(plain)
    for symbol, said in SYMBOLS.items():
        plain = plain.replace(symbol, said)
    plain = re.sub(r"['\u0300-\u036f]", "", plain)
    spoken = [SAME.get(word, word) for word in re.sub(r"[^a-z]+", " ", plain).split()]
    return [word for place, word in enumerate(spoken) if not _is_filler(spoken, place)]


def _is_filler(spoken: Sequence[str], place: int) -> bool:
    """The `and` of "one hundred and five", which digits do not show."""
    return (
        spoken[place] == "and"
        and 0 < place < len(spoken) - 1
        and spoken[place - 1] in ("hundred", "thousand", "million")
        and spoken[place + 1] in NUMBER_WORDS
    )


def _spell_numbers(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"([$£€])\s?(\d+)(?:\.(\d\d))?(?![\d.]*\d)", _money, text)
    text = re.sub(r"(?<!\d)(\d{1,2}):00(?!\d)", r"\1 o'clock", text)
    text = re.sub(r"(?<!\d)(\d{1,2}):(\d\d)(?!\d)", _clock, text)
    text = re.sub(r"(\d+)\.(\d+)", lambda match: f"{_number(match[1])} point {_digits(match[2])}", text)
    text = re.sub(r"(\d+)(?:st|nd|rd|th)\b", lambda match: f" {_ordinal(match[1])} ", text)
    return re.sub(r"\d+", lambda match: f" {_number(match[0])} ", text)


def _money(match: re.Match[str]) -> str:
    unit = MONEY[match[1]]
    said = f" {_count(match[2])} {unit}{'' if match[2] == '1' else 's'} "
    return said + (f"and {_number(match[3])} cents " if match[3] and match[3] != "00" else "")


def _clock(match: re.Match[str]) -> str:
    minutes = f"o {_number(match[2][1])}" if match[2][0] == "0" else _number(match[2])
    return f" {_number(match[1])} {minutes} "


def _digits(text: str) -> str:
    return " ".join(ONES[int(digit)] for digit in text)


def _number(text: str) -> str:
    is_year = len(text) == 4 and 1100 <= int(text) < 2000
    return _year(int(text)) if is_year else _count(text)


def _count(text: str) -> str:
    if len(text) > LONGEST or (len(text) > 1 and text[0] == "0"):
        return _digits(text)
    return _cardinal(int(text))


def _year(number: int) -> str:
    """Read 1912 as a year: numbers of that size seldom are anything else."""
    century, rest = divmod(number, 100)
    tail = "hundred" if not rest else f"o {ONES[rest]}" if rest < 10 else _cardinal(rest)
    return f"{_cardinal(century)} {tail}"


def _cardinal(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return f"{TENS[tens]} {ONES[ones] if ones else ''}".strip()
    size, name = next(scale for scale in SCALES if number >= scale[0])
    count, rest = divmod(number, size)
    return f"{_cardinal(count)} {name} {_cardinal(rest) if rest else ''}".strip()


def _ordinal(text: str) -> str:
    *before, last = _cardinal(int(text)).split() if len(text) <= LONGEST else _digits(text).split()
    ending = ORDINALS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return " ".join([*before, ending])


def edit_distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Count the fewest replacements, insertions and deletions that turn one into the other (Levenshtein 1966).

    >>> edit_distance("the cat sat".split(), "a cat sat down".split())
    2
    """
    row = list(range(len(heard) + 1))
    for number, want in enumerate(wanted, 1):
        diagonal, row[0] = row[0], number
        for place, hear in enumerate(heard, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (want != hear))
    return row[-1]
