"""Words that are not in the dictionary but whose parts are: endings, prefixes and simple compounds.

Which endings, prefixes and parts of compounds count was measured on the dictionary itself: each says most of its
words right. What is left out ("pre-", compounds of any two words) is right less often than the network.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from toktts.text._wordlist import word_set
from toktts.text.phonemes.symbols import SIBILANTS, VOICELESS, Symbols, demote, is_vowel

LONGEST: Final = 40
SHORTEST_PART: Final = 3
LookUp = Callable[[str], Symbols | None]

CONTRACTIONS: Final[Mapping[str, Symbols]] = {
    "'ll": ("AH0", "L"),
    "'ve": ("AH0", "V"),
    "'re": ("ER0",),
    "'m": ("AH0", "M"),
    "n't": ("AH0", "N", "T"),
}
NEUTRAL_ENDINGS: Final[Mapping[str, str]] = {
    "ly": "L IY0",
    "ness": "N AH0 S",
    "less": "L AH0 S",
    "ful": "F AH0 L",
    "ment": "M AH0 N T",
    "ship": "SH IH2 P",
    "hood": "HH UH2 D",
    "like": "L AY2 K",
    "wise": "W AY2 Z",
    "some": "S AH0 M",
    "man": "M AH0 N",
    "men": "M IH0 N",
    "ward": "W ER0 D",
    "wards": "W ER0 D Z",
    "worth": "W ER0 TH",
    "berg": "B ER0 G",
    "ville": "V IH0 L",
}
"""Endings that change neither the stress nor the sound of what stands before."""
STEM_ENDINGS: Final[Mapping[str, str]] = {"er": "ER0", "ers": "ER0 Z", "est": "AH0 S T", "able": "AH0 B AH0 L"}
"""Endings before which a word loses its -e, doubles its last letter or turns -y into -i."""
PREFIXES: Final[Mapping[str, str]] = {
    "un": "AH0 N",
    "non": "N AA2 N",
    "over": "OW2 V ER0",
    "under": "AH2 N D ER0",
    "out": "AW2 T",
    "super": "S UW2 P ER0",
    "semi": "S EH2 M IY0",
    "multi": "M AH2 L T IY0",
    "counter": "K AW2 N T ER0",
    "inter": "IH2 N T ER0",
    "anti": "AE2 N T IY0",
    "mis": "M IH0 S",
    "dis": "D IH0 S",
    "re": "R IY0",
}
SHORTEST_PREFIXED: Final = 5
SECOND_PARTS: Final = word_set(
    "away back backs balls beck berry bird birds board boards boat boats bone book books bound boy bridge brook "
    "burg burn bush cap cast cat charge child coat craft day down downs eye field fields fish flower fold foot "
    "gate grave gun hand haus head heads heart hill house houses jet keeper keepers life light lights line lines "
    "load loads mail maker makers making mark marks master masters nut off outs over path people piece place play "
    "point points room rooms saw side sides smith stand star stead step stone stones stream street suit time top "
    "tops tree trees ups view ware water way ways weight well wick wine woman women wood woods word work worked "
    "worker workers works world worm wright writer writers writing yard yards"
)
FIRST_PARTS: Final = word_set(
    "barn bird birth black block blood blow board boat bread broad butter check cook copy dead down earth extra "
    "farm finger fire flash flood folk foot glass good ground hand head health heart hitch home honey house life "
    "little match middle money mother motor movie night note park play print rail river road round school share "
    "shoe side silver sleep smith snow some steel stone story time turbo type ultra ward water weather white "
    "winter wood work world"
)
"""Parts of compounds that say at least 85 % of their words in the dictionary right."""


def derive(word: str, look_up: LookUp) -> Symbols | None:
    """Pronounce a word from its parts.

    Args:
        word: folded.
        look_up: gives the symbols of a word in the dictionary, None for another.
    Returns:
        Its symbols, None where no rule fits.
    """
    if len(word) > LONGEST:
        return None
    for rule in (_with_apostrophe, _plural, _past, _progressive, _ending, _prefixed, _compound):
        symbols = rule(word, look_up)
        if symbols is not None:
            return symbols
    return None


def plural(symbols: Symbols) -> Symbols:
    """Add the s of plurals, possessives and verbs: voiceless, voiced or with a vowel, by the last sound.

    >>> plural(("K", "AE1", "T")), plural(("D", "AO1", "G")), plural(("B", "AH1", "S"))
    (('K', 'AE1', 'T', 'S'), ('D', 'AO1', 'G', 'Z'), ('B', 'AH1', 'S', 'IH0', 'Z'))
    """
    if symbols[-1] in SIBILANTS:
        return (*symbols, "IH0", "Z")
    return (*symbols, "S" if symbols[-1] in VOICELESS else "Z")


def past(symbols: Symbols) -> Symbols:
    """Add the ending -ed, by the last sound.

    >>> past(("W", "AO1", "K")), past(("W", "EY1", "T"))
    (('W', 'AO1', 'K', 'T'), ('W', 'EY1', 'T', 'IH0', 'D'))
    """
    if symbols[-1] in ("T", "D"):
        return (*symbols, "IH0", "D")
    return (*symbols, "T" if symbols[-1] in VOICELESS else "D")


def _with_apostrophe(word: str, look_up: LookUp) -> Symbols | None:
    """Possessives and contractions; what stands before may itself be derived."""
    if "'" not in word:
        return None
    if word.endswith("'"):
        return look_up(word[:-1]) or derive(word[:-1], look_up)
    stem, ending = (
        (word[:-3], word[-3:]) if word.endswith("n't") else (word[: word.rfind("'")], word[word.rfind("'") :])
    )
    base = (look_up(stem) or derive(stem, look_up)) if stem else None
    if base is None:
        return None
    if ending == "'s":
        return plural(base)
    if ending == "'d":
        return (*base, *(("D",) if is_vowel(base[-1]) else ("AH0", "D")))
    if ending == "'ve" and is_vowel(base[-1]):
        return (*base, "V")
    extra = CONTRACTIONS.get(ending)
    return None if extra is None else (*base, *extra)


def _base(look_up: LookUp) -> LookUp:
    """Look a word up, or take it apart once more: school-master-s."""

    def find(word: str) -> Symbols | None:
        found = look_up(word)
        parts = (_prefixed, _compound, _ending)
        return found if found is not None else _first_of(rule(word, look_up) for rule in parts)

    return find


def _plural(word: str, look_up: LookUp) -> Symbols | None:
    if not word.endswith("s") or word.endswith(("ss", "us", "is")) or len(word) < 4:
        return None
    stems = [word[:-1]]
    if word.endswith("ies"):
        stems = [word[:-3] + "y"]
    elif word.endswith(("shes", "ches", "sses", "xes", "zes", "oes")):
        stems = [word[:-2], word[:-1]]
    base = _first(stems, _base(look_up))
    return None if base is None else plural(base)


def _past(word: str, look_up: LookUp) -> Symbols | None:
    if not word.endswith("ed") or len(word) < 5:
        return None
    base = _first([word[:-3] + "y"] if word.endswith("ied") else list(_stems(word[:-2])), _base(look_up))
    return None if base is None else past(base)


def _progressive(word: str, look_up: LookUp) -> Symbols | None:
    if word.endswith("in'") and len(word) > 5:
        whole = look_up(word[:-1] + "g")
        return None if whole is None else (*whole[:-1], "N")
    if not word.endswith("ing") or len(word) < 6:
        return None
    base = _first(_stems(word[:-3]), _base(look_up))
    return None if base is None else (*base, "IH0", "NG")


def _stems(stem: str) -> Iterator[str]:
    """What a verb was before -ed or -ing: hop(p)-, hop(e)-, jump-."""
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "aeiou":
        if stem[-1] in "sl":
            yield stem
        yield stem[:-1]
        return
    yield stem + "e"
    yield stem


def _ending(word: str, look_up: LookUp) -> Symbols | None:
    for ending, sounds in NEUTRAL_ENDINGS.items():
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_PART:
            stem = word[: -len(ending)]
            base = _first([stem, *([stem[:-1] + "y"] if stem.endswith("i") else [])], look_up)
            if base is not None:
                # "full" + "ly": one L is said.
                extra = tuple(sounds.split())
                return (*base, *(extra[1:] if base[-1] == extra[0] else extra))
    for ending, sounds in STEM_ENDINGS.items():
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_PART:
            stem = word[: -len(ending)]
            base = _first([*([stem[:-1] + "y"] if stem.endswith("i") else []), *_stems(stem)], look_up)
            if base is not None:
                return (*base, *sounds.split())
    return None


def _prefixed(word: str, look_up: LookUp) -> Symbols | None:
    for prefix, sounds in PREFIXES.items():
        if word.startswith(prefix) and len(word) - len(prefix) >= SHORTEST_PREFIXED:
            base = look_up(word[len(prefix) :])
            if base is not None:
                # "mis" + "spell": one S is said.
                return (*sounds.split(), *(base[1:] if base[0] == "S" and sounds.endswith(" S") else base))
    return None


def _compound(word: str, look_up: LookUp) -> Symbols | None:
    """Two words written as one, the first stressed; the longest first word wins."""
    for cut in range(len(word) - SHORTEST_PART, SHORTEST_PART - 1, -1):
        first, second = word[:cut], word[cut:]
        if second in SECOND_PARTS or (first in FIRST_PARTS and len(second) > SHORTEST_PART):
            sounds = look_up(first), look_up(second)
            if sounds[0] is not None and sounds[1] is not None:
                return (*sounds[0], *demote(sounds[1]))
    return None


def _first(words: Iterable[str], look_up: LookUp) -> Symbols | None:
    return _first_of(map(look_up, words))


def _first_of(found: Iterable[Symbols | None]) -> Symbols | None:
    return next((symbols for symbols in found if symbols is not None), None)
