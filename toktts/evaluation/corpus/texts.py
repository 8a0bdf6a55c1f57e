"""What is said, as it is written -> what the front-end makes of it, and what is wrong with it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from transformers import PreTrainedTokenizerBase

from toktts.data.metadata import speaking_rate_fault
from toktts.errors import TextError
from toktts.evaluation.corpus.findings import Finding
from toktts.text import Normalizer, check_speakable
from toktts.text.phonemes import EnglishPhonemizer, Word, is_english
from toktts.tokens.pronouncing import PronouncingTokenizer

GUESSED = ("g2p", "letters")
# Of the median time for a phoneme. Clips of the demo corpus need 0.8 to 1.9 of it, and differ by 0.6 s at most.
MIN_PACE, MAX_PACE = 0.5, 2.0
MIN_DIFFERENCE_S = 0.75
ENOUGH_CLIPS = 5
SHOWN_WORDS = 5

Pronounce = Callable[[str], list[Word]]


@dataclass(frozen=True)
class ClipText:
    """A transcript as the front-end reads it.

    Args:
        normalized: as it is read aloud.
        words: with their phonemes; None where it is not English.
        fault: why it cannot be read; "" if it can.
    """

    normalized: str
    words: tuple[Word, ...] | None = None
    fault: str = ""

    @property
    def n_units(self) -> int:
        """Phonemes, or letters and digits where they are not known."""
        if self.words is None:
            return sum(map(str.isalnum, self.normalized))
        return sum(len(word.symbols) for word in self.words)

    @property
    def guessed(self) -> list[str]:
        """Words that neither dictionary nor lexicon knows, each once."""
        return list(dict.fromkeys(word.text for word in self.words or () if word.source in GUESSED))


class TextReader:
    """Reads transcripts as the training will.

    Args:
        normalizer: text as written -> as read.
        tokenizer: what refuses symbols; one that pronounces brings the user's lexicon.
    """

    def __init__(self, normalizer: Normalizer, tokenizer: PreTrainedTokenizerBase) -> None:
        self._normalizer, self._tokenizer = normalizer, tokenizer
        pronounces = isinstance(tokenizer, PronouncingTokenizer)
        self._pronounce: Pronounce = tokenizer.words if pronounces else EnglishPhonemizer().words

    def __call__(self, text: str, *, language: str) -> ClipText:
        """Read one transcript.

        Args:
            text: as it is written.
            language: BCP 47 tag; only English is pronounced.
        """
        try:
            normalized = self._normalizer(text)
        except TextError as error:
            return ClipText(text, fault=error.message)
        try:
            check_speakable(normalized, self._tokenizer)
            words = tuple(self._pronounce(normalized)) if is_english(language) else None
        except TextError as error:
            return ClipText(normalized, fault=error.message)
        return ClipText(normalized, words)


def text_findings(texts: Mapping[str, ClipText]) -> Iterator[Finding]:
    """Say what cannot be read, what must be guessed, and what comes twice."""
    first: dict[str, str] = {}
    for id_, text in texts.items():
        if text.fault:
            yield Finding("text", id_, text.fault)
        if text.guessed:
            more = len(text.guessed) - SHOWN_WORDS
            yield Finding(
                "guessed_words", id_, " ".join(text.guessed[:SHOWN_WORDS]) + (f" +{more}" if more > 0 else "")
            )
        other = first.setdefault(text.normalized.casefold(), id_)
        if other != id_:
            yield Finding("repeated_text", id_, f"as {other}")


def pace_findings(texts: Mapping[str, ClipText], durations_s: Mapping[str, tuple[float, float]]) -> Iterator[Finding]:
    """Find transcripts that are much too long or too short for what is heard.

    Args:
        texts: by id.
        durations_s: seconds of clip and of speech in it, by id.
    """
    known = {id_: text for id_, text in texts.items() if id_ in durations_s and not text.fault and text.n_units}
    usual_s = median(durations_s[id_][1] / text.n_units for id_, text in known.items()) if known else 0.0
    for id_, text in known.items():
        clip_s, speech_s = durations_s[id_]
        fault = speaking_rate_fault(text.normalized, duration_s=clip_s)
        expected_s = usual_s * text.n_units
        pace = speech_s / expected_s if expected_s else 1.0
        is_far = not MIN_PACE <= pace <= MAX_PACE and abs(speech_s - expected_s) > MIN_DIFFERENCE_S
        if fault:
            yield Finding("pace", id_, fault.partition(";")[0])
        elif is_far and len(known) >= ENOUGH_CLIPS:
            yield Finding("pace", id_, f"{speech_s:.1f} s of speech, its text takes this speaker {expected_s:.1f} s")
