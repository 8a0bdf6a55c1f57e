"""Which word of a corpus is said when: from a TextGrid beside the sound, else by listening."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toktts.alignment.alignment import Alignment, Span
from toktts.alignment.pocketsphinx import PocketSphinxAligner
from toktts.alignment.textgrid import read_textgrid
from toktts.audio import Waveform
from toktts.data.atomic import write_atomically
from toktts.data.corpora._base import Utterance
from toktts.data.keyed import keyed_digest
from toktts.errors import AlignmentError, CacheError
from toktts.places import cache_folder
from toktts.text import Normalizer
from toktts.text.phonemes import EnglishPhonemizer

TIERS = ("words", "word")
_WORD = re.compile(r"\S*\w\S*")


@dataclass(frozen=True)
class TimedText:
    """A text and when its words are said.

    Args:
        text: as it can be cut.
        ends: for each word, the place behind its last character.
        words: the same words with their times.
    """

    text: str
    ends: tuple[int, ...]
    words: Alignment

    def beginning(self, n_words: int) -> str:
        """The text of the first words; all of it, with the mark at its end, where none is missing."""
        return self.text if n_words == len(self.ends) else self.text[: self.ends[n_words - 1]]


Locate = Callable[[Utterance, Waveform], TimedText]


class WordTimes:
    """Looks for `NAME.TextGrid` beside `NAME.wav`, and listens where there is none.

    Args:
        normalizer: text as written -> as read, for texts that a TextGrid or the recognizer has in words only.
        cache_dir: parent of what was heard, so that no clip is listened to twice; None = the user's cache folder.
    Raises:
        CacheError: the folder cannot be named.
    """

    def __init__(self, normalizer: Normalizer, *, cache_dir: str | None = None) -> None:
        self._normalizer = normalizer
        self._folder = cache_folder(cache_dir) / "alignments"
        self._phonemizer: EnglishPhonemizer | None = None
        self._aligner: PocketSphinxAligner | None = None

    def __call__(self, utterance: Utterance, waveform: Waveform) -> TimedText:
        """Find the words of one clip.

        Raises:
            AlignmentError: they cannot be found, or a TextGrid has others than the text.
            MissingPackageError: there is no TextGrid, and no recognizer is installed; names the command.
            TextError: the text cannot be pronounced.
            CacheError: what was heard cannot be kept.
        """
        audio = utterance.audio
        if isinstance(audio, Path) and audio.with_suffix(".TextGrid").is_file():
            return self._read(audio.with_suffix(".TextGrid"), utterance.text)
        return self._listen(utterance.text, waveform)

    def _read(self, path: Path, text: str) -> TimedText:
        tiers = read_textgrid(path)
        words = next((tier for tier in tiers if tier.tier in TIERS), tiers[0] if len(tiers) == 1 else None)
        if words is None:
            raise AlignmentError(f"has no tier {TIERS[0]!r}; name the tier of the words so", file=path)
        counts = []
        for version in (text, self._normalizer(text)):
            ends = tuple(match.end() for match in _WORD.finditer(version))
            if len(ends) == len(words):
                return TimedText(version, ends, words)
            counts.append(len(ends))
        raise AlignmentError(
            f"has {len(words)} words, the text has {counts[0]}; align the text as it is written", file=path
        )

    def _listen(self, text: str, waveform: Waveform) -> TimedText:
        self._phonemizer = self._phonemizer or EnglishPhonemizer()
        normalized = self._normalizer(text)
        said = self._phonemizer.words(normalized)
        sound = hashlib.sha256(waveform.samples.contiguous().numpy().tobytes()).hexdigest()
        key = keyed_digest("words", [(word.text, word.symbols) for word in said], waveform.sampling_rate, sound)
        words = self._kept(key)
        if words is None:
            self._aligner = self._aligner or PocketSphinxAligner()
            named = [(word.text or "inline", word.symbols) for word in said]
            words = self._aligner.align(waveform, named).words
            self._keep(key, words)
        return TimedText(normalized, tuple(word.end for word in said), words)

    def _kept(self, key: str) -> Alignment | None:
        try:
            content = json.loads((self._folder / f"{key}.json").read_text(encoding="utf-8"))
            return Alignment(tuple(Span(*span) for span in content["spans"]), content["duration_s"], "word")
        except (OSError, ValueError, KeyError, TypeError, AlignmentError):
            return None

    def _keep(self, key: str, words: Alignment) -> None:
        spans = [(span.label, span.start_s, span.end_s) for span in words]
        content = json.dumps({"spans": spans, "duration_s": words.duration_s})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{key}.json", content.encode("utf-8"))
        except OSError as error:
            raise CacheError(f"cannot be written ({error.strerror}); set data.cache_dir", file=self._folder) from error
