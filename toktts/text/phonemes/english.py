"""Normalised English -> ARPAbet: lexicon, dictionary, rules, and a small network for the rest."""

import hashlib
import os
import re
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from toktts.errors import TextError
from toktts.text._wordlist import word_set
from toktts.text.phonemes.folding import fold
from toktts.text.phonemes.guessing import guess
from toktts.text.phonemes.homographs import Context, choose
from toktts.text.phonemes.lexicon import dictionary, read_lexicon
from toktts.text.phonemes.morphology import derive
from toktts.text.phonemes.scanning import Piece, hyphen_parts, scan
from toktts.text.phonemes.spelling import SPELLED_WORDS, spell, spell_acronym
from toktts.text.phonemes.symbols import Symbols, parse_symbols
from toktts.text.phonemes.words import Source, Word, join_words

Unknown = Literal["g2p", "letters"]
CLIPPED: Final = word_set("'bout 'cause 'course 'cuse 'em 'm 'n 'round 's 'til 'tis 'twas")
"""Words that begin with an apostrophe; before any other word it is a quote."""


class EnglishPhonemizer:
    """Pronounce normalised English, the same text always the same way.

    A word is looked up in this order: `[[inline phonemes]]`, the user lexicon, homographs by their neighbours, the
    dictionary, letters to spell, the parts of the word, and at last the network (or its letters).

    >>> EnglishPhonemizer()("Hello, world. The end")
    'HH AH0 L OW1 , W ER1 L D . DH IY0 | EH1 N D'

    Args:
        lexicon: a file (see `read_lexicon`) or words with their symbols; it goes before the dictionary.
        unknown: what to do with a word that nothing knows: `g2p` guesses its sounds, `letters` leaves it spelled.
    """

    language: ClassVar[str] = "en"
    version: ClassVar[int] = 1
    """Raised whenever the output for any text changes, because caches and checkpoints depend on it."""

    def __init__(
        self, lexicon: str | os.PathLike[str] | Mapping[str, Symbols] | None = None, *, unknown: Unknown = "g2p"
    ) -> None:
        if isinstance(lexicon, Mapping):
            self.lexicon = {word: parse_symbols(" ".join(symbols)) for word, symbols in lexicon.items()}
        else:
            self.lexicon = {} if lexicon is None else read_lexicon(lexicon)
        self.unknown = unknown

    @property
    def identity(self) -> str:
        """What caches are keyed by: language, version, treatment of unknown words and a hash of the user lexicon."""
        entries = repr(sorted(self.lexicon.items())).encode()
        own = f"-{hashlib.sha256(entries).hexdigest()[:16]}" if self.lexicon else ""
        return f"{self.language}-{self.version}-{self.unknown}{own}"

    def __call__(self, normalized_text: str) -> str:
        """Write a text as blank-separated symbols, `|` between words that no punctuation keeps apart.

        Raises:
            TextError: nothing to say, characters that cannot be said, or wrong inline phonemes.
            TypeError: not a str.
        """
        return join_words(self.words(normalized_text))

    def words(self, normalized_text: str) -> list[Word]:
        """Pronounce a text word by word, with the place of each in it.

        Raises:
            TextError: nothing to say, characters that cannot be said, or wrong inline phonemes.
            TypeError: not a str.
        """
        text = normalized_text
        if not isinstance(text, str):
            raise TypeError(f"text must be str, got {type(text).__name__}; decode or convert it first")
        if not text.strip():
            raise TextError("text is empty; write at least one word")
        pieces = [part for piece in scan(text) for part in self._parts(text, piece)]
        if not pieces:
            raise TextError("text holds nothing to speak; write at least one word")
        spoken: list[Word] = []
        for place in range(len(pieces) - 1, -1, -1):
            # From the end, because "the" depends on the sound that follows.
            follower = spoken[-1] if spoken else None
            spoken.append(self._say(text, pieces, place, follower))
        return spoken[::-1]

    def _parts(self, text: str, piece: Piece) -> list[Piece]:
        """A word with hyphens stays whole only where somebody knows how to say it."""
        if piece.kind != "word" or "-" not in text[piece.start : piece.end]:
            return [piece]
        written = text[piece.start : piece.end]
        known = self._own(written) is not None or look_up(fold(written)) is not None
        return [piece] if known else list(hyphen_parts(text, piece))

    def _say(self, text: str, pieces: list[Piece], place: int, follower: Word | None) -> Word:
        piece = pieces[place]
        written = text[piece.start : piece.end]
        if piece.kind == "inline":
            return Word("", piece.start, piece.end, _inline(written, piece.start), "inline", piece.after)
        before = pieces[place - 1] if place else None
        previous = fold(text[before.start : before.end]) if before and not before.after else ""
        beside = follower if follower is not None and not piece.after else None
        context = Context(
            written,
            previous,
            beside.text if beside is not None else "",
            beside.symbols[0] if beside is not None else "",
            is_shouted=len(pieces) > 2 and text.isupper(),
        )
        symbols, source = self._pronounce(written, context)
        return Word(_letters_of(written), piece.start, piece.end, symbols, source, piece.after)

    def _pronounce(self, written: str, context: Context) -> tuple[Symbols, Source]:
        own = self._own(written)
        if own is not None:
            return own, "user lexicon"
        word = _without_quotes(fold(written))
        plain = written.strip("'’")
        if plain in SPELLED_WORDS and not context.is_shouted:
            return spell(plain), "spelled"
        symbols = choose(word, context) or look_up(word)
        if symbols is not None:
            return symbols, "dictionary"
        symbols = spell_acronym(plain)
        if symbols is not None:
            return symbols, "spelled"
        symbols = derive(word, look_up)
        if symbols is not None:
            return symbols, "rule"
        if self.unknown == "letters":
            return tuple(_letters_of(written)), "letters"
        return guess(word), "g2p"

    def _own(self, written: str) -> Symbols | None:
        """The user lexicon: as written, in small letters, folded."""
        if not self.lexicon:
            return None
        candidates = (written, written.lower(), fold(written), _without_quotes(fold(written)))
        return next((self.lexicon[word] for word in candidates if word in self.lexicon), None)


def is_english(language: str) -> bool:
    """Whether a BCP 47 tag means the language that the dictionary and the aligners here are made for."""
    return language.lower().split("-")[0] in ("en", "eng", "english")


def look_up(word: str) -> Symbols | None:
    """Give the first pronunciation of a folded word in the dictionary, None for a word that is not in it.

    >>> look_up("hello")
    ('HH', 'AH0', 'L', 'OW1')
    """
    entry = dictionary().get(word)
    return None if entry is None else tuple(entry.partition("\t")[0].split())


def _inline(written: str, start: int) -> Symbols:
    try:
        return parse_symbols(written[2:-2])
    except TextError as error:
        what, _, fix = error.message.rpartition("; ")
        raise TextError(f"{what}, in [[ at {start}; {fix}") from error


def _without_quotes(word: str) -> str:
    """Drop apostrophes around a word that are quotes; those of 'em, doin' and dogs' stay."""
    if word.startswith("'") and word.endswith("'"):
        word = word.strip("'")
    if word.startswith("'") and word.rstrip("'") not in CLIPPED:
        word = word.lstrip("'")
    if word.endswith("'") and word not in dictionary() and not word.endswith(("in'", "s'")):
        word = word.rstrip("'")
    return word


def _letters_of(written: str) -> str:
    return re.sub("[^a-z']", "", _without_quotes(fold(written)))
