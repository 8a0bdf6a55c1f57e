"""Words that are written alike and said differently, chosen by the words beside them.

This is a table, no grammar: it looks one word back and one word on, inside the same clause, and else takes the more
frequent reading. "I read it yesterday" and "The wind that they wind" are beyond it; `[[...]]` and a user lexicon are
the way out. The choices follow the variants in CMUdict, the rest of English is left to the dictionary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from toktts.text._wordlist import word_set
from toktts.text.phonemes.noun_verb_pairs import NOUN_OR_VERB, NOUNS_OR_VERB
from toktts.text.phonemes.symbols import Symbols

MODALS: Final = word_set(
    "to will would can could shall should may might must do did don't didn't doesn't does won't wouldn't can't "
    "cannot couldn't shouldn't let's not never please we'll i'll you'll he'll she'll they'll it'll i'd we'd you'd "
    "they'd"
)
PRONOUNS: Final = word_set("i we you they who")
SINGULARS: Final = word_set("he she it who which that")
VERB_CUES: Final = MODALS | PRONOUNS
DETERMINERS: Final = word_set(
    "the a an this that these those my your his her its our their no some any each every another of in for with "
    "by from such what whose one two three much little more less"
)
BE: Final = word_set("am is are was were be been being i'm you're we're they're he's she's it's isn't wasn't")
HAVE: Final = word_set("have has had having i've we've you've they've haven't hasn't hadn't")
DEGREES: Final = word_set("very so too how as more most quite rather")


@dataclass(frozen=True)
class Context:
    """What a choice may look at; a neighbour behind punctuation is "".

    Args:
        written: the word with its capitals.
        previous: the word before, folded.
        next: the word behind, folded.
        next_symbol: the first symbol of the word behind, "" without one.
        is_shouted: whether all of the text is in capitals.
    """

    written: str
    previous: str
    next: str
    next_symbol: str
    is_shouted: bool = False


@dataclass(frozen=True)
class Homograph:
    """Said as `usual`, but as `other` behind one of the words `after` or before one of the words `before`."""

    usual: str
    other: str
    after: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()

    def choose(self, context: Context) -> str:
        """Give the pronunciation for these neighbours."""
        is_other = context.previous in self.after or context.next in self.before
        return self.other if is_other else self.usual


def _nouns(text: str, after: frozenset[str]) -> dict[str, Homograph]:
    """Lines of `word: noun / verb`, a verb behind the words `after`."""
    table: dict[str, Homograph] = {}
    for line in text.strip().splitlines():
        word, _, pronunciations = line.partition(":")
        noun, _, verb = pronunciations.partition("/")
        table[word.strip()] = Homograph(noun.strip(), verb.strip(), after)
    return table


HOMOGRAPHS: Final[Mapping[str, Homograph]] = {
    **_nouns(NOUN_OR_VERB, VERB_CUES),
    **_nouns(NOUNS_OR_VERB, SINGULARS),
    "bow": Homograph("B AW1", "B OW1", word_set("cross long"), word_set("tie ties and")),
    "bows": Homograph("B AW1 Z", "B OW1 Z", frozenset(), word_set("and")),
    "close": Homograph(
        "K L OW1 S", "K L OW1 Z", VERB_CUES | word_set("and"), word_set("the his her my your its our their down up")
    ),
    "content": Homograph("K AA1 N T EH0 N T", "K AH0 N T EH1 N T", BE | DEGREES | {"to"}, word_set("to with")),
    "diffuse": Homograph("D IH0 F Y UW1 S", "D IH0 F Y UW1 Z", VERB_CUES),
    "lead": Homograph(
        "L IY1 D",
        "L EH1 D",
        word_set("of molten white red like"),
        word_set("pipe pipes paint poisoning pencil pencils bullet bullets glass weight weights mine mines shot roof"),
    ),
    "live": Homograph(
        "L IH1 V",
        "L AY1 V",
        word_set("the a an went go goes going real"),
        word_set(
            "music show shows broadcast broadcasts concert concerts audience wire ammunition performance stream "
            "television coverage animals recording version album rounds coals"
        ),
    ),
    "minute": Homograph(
        "M IH1 N AH0 T",
        "M AY0 N UW1 T",
        DEGREES,
        word_set(
            "detail details particle particles quantity quantities description inspection examination dust size "
            "crystals fragments portion portions traces amounts"
        ),
    ),
    "produce": Homograph("P R AH0 D UW1 S", "P R OW1 D UW0 S", word_set("the of fresh local farm their its his raw")),
    "read": Homograph("R IY1 D", "R EH1 D", BE | HAVE | SINGULARS | word_set("and had having well widely")),
    "refuse": Homograph("R AH0 F Y UW1 Z", "R EH1 F Y UW2 Z", word_set("the of any a all"), word_set("heap dump bin")),
    "resume": Homograph("R IH0 Z UW1 M", "R EH1 Z AH0 M EY2", word_set("my your his her a their")),
    "tear": Homograph("T EH1 R", "T IH1 R", word_set("a the single each every"), word_set("gas drops drop")),
    "use": Homograph("Y UW1 Z", "Y UW1 S", DETERMINERS | word_set("into make made makes making"), word_set("of")),
    "wind": Homograph("W IH1 N D", "W AY1 N D", VERB_CUES, word_set("up")),
    "winds": Homograph("W IH1 N D Z", "W AY1 N D Z", SINGULARS, word_set("up through")),
    "wound": Homograph(
        "W UW1 N D", "W AW1 N D", frozenset(), word_set("up around round through its his their her down upon")
    ),
}
PREFERRED: Final[Mapping[str, str]] = {
    "bass": "B EY1 S",
    "buffet": "B AH0 F EY1",
    "closer": "K L OW1 S ER0",
    "in": "IH0 N",
    "putting": "P UH1 T IH0 NG",
    "sow": "S OW1",
    "sows": "S OW1 Z",
}
"""Where the first pronunciation in the dictionary is the rarer one."""


def choose(word: str, context: Context) -> Symbols | None:
    """Pronounce a word by its neighbours, or give None where they do not matter.

    Args:
        word: folded.
        context: its neighbours.
    """
    text = _articles(word, context)
    if text is None and word in HOMOGRAPHS:
        text = HOMOGRAPHS[word].choose(context)
    if text is None:
        text = PREFERRED.get(word)
    return None if text is None else tuple(text.split())


def _articles(word: str, context: Context) -> str | None:
    """Words whose sound follows from the next sound, or from their capitals."""
    before_vowel = context.next_symbol[-1:].isdigit()
    if word == "the":
        return "DH IY0" if before_vowel else "DH AH0"
    if word == "to":
        return "T UW1" if not context.next_symbol else "T UW0" if before_vowel else "T AH0"
    if word == "a":
        return "EY1" if context.written == "A" and _is_letter(context) else "AH0"
    if word == "used" and context.next == "to" and context.previous not in BE:
        return "Y UW1 S T"
    if word == "polish" and context.written == "Polish" and context.previous:
        return "P OW1 L IH0 SH"
    return None


def _is_letter(context: Context) -> bool:
    """Whether a capital A is the letter: no word behind it, or another single letter beside it."""
    return not context.next or len(context.next) == 1 or (len(context.previous) == 1 and context.previous != "i")
