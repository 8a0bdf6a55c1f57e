"""Step two: sound and transcript -> a TextGrid with words and phonemes for every clip that has none."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from toktts.alignment.alignment import Alignment
from toktts.alignment.pocketsphinx import PocketSphinxAligner
from toktts.alignment.spreading import spread_over_words
from toktts.alignment.textgrid import read_textgrid, write_textgrid
from toktts.audio.reading import Finding, read_clip
from toktts.data.corpora._facts import FACTS_FILE, complete_facts
from toktts.data.corpora._pairs import Pair, find_pairs, read_transcript
from toktts.data.corpora.textgrid import TIERS
from toktts.data.rejects import Rejected
from toktts.data.steps.mfa import Pronounced, align_with_mfa, is_installed
from toktts.data.steps.report import StepReport
from toktts.errors import AlignmentError, AudioError, ConfigError, TextError
from toktts.text import Normalizer
from toktts.text.phonemes import EnglishPhonemizer, is_english

STEP = "align"
LISTENING_RATE = 16_000
WORD_TIERS = ("words", "word")
Aligner = Literal["auto", "mfa", "pocketsphinx"]
Progress = Callable[[int], None]


def align_dataset(
    folder: Path,
    *,
    normalizer: Normalizer,
    aligner: Aligner = "auto",
    language: str | None = None,
    lexicon: str | os.PathLike[str] | None = None,
    max_rejected_fraction: float = 0.01,
    on_progress: Progress = lambda _done: None,
) -> StepReport:
    """Write `{speaker}/TextGrid/NAME.TextGrid` where there is none; those that are there stay.

    One that holds words and no phonemes gets them: each word is divided evenly among the phonemes of its pronunciation.

    Args:
        folder: with folders of speakers, each with `NAME.wav` and `NAME.lab`.
        normalizer: text as written -> as read.
        aligner: the Montreal Forced Aligner, pocketsphinx, or `auto`: the first if it is installed.
        language: BCP 47 tag; None = what `corpus.yaml` says, else English, the only one that can be aligned here.
        lexicon: the user's pronunciations, as `tokens.lexicon`; they go before the dictionary.
        max_rejected_fraction: share of clips that may be left out.
        on_progress: gets the number of clips gone through.
    Raises:
        CorpusError: no such folders, or too many clips left out.
        MissingPackageError: the aligner is not installed.
        AlignmentError: the Montreal Forced Aligner failed, or clips without a TextGrid are not in English.
        ConfigError: another aligner.
        TextError: a lexicon that cannot be read.
    """
    if aligner not in get_args(Aligner):
        raise ConfigError(f"no aligner {aligner!r}; use one of {', '.join(get_args(Aligner))}", key="--aligner")
    pairs, alone = find_pairs(folder)
    _check_language(folder, pairs, language)
    report = StepReport(STEP, rejected=alone)
    phonemizer = EnglishPhonemizer(lexicon)
    waiting: dict[Pair, Pronounced] = {}
    for pair in pairs:
        try:
            if pair.textgrid.is_file():
                _complete(pair, phonemizer, report)
            else:
                waiting[pair] = _pronounce(read_transcript(pair.transcript), normalizer, phonemizer)
        except (AlignmentError, TextError) as error:
            report.rejected.append(Rejected(pair.id, error.file or os.fspath(pair.transcript), error.message))
    if aligner == "mfa" or (aligner == "auto" and is_installed()):
        _call_mfa(waiting, report)
    else:
        _listen(waiting, report, on_progress)
    return report.finish(folder, max_rejected_fraction=max_rejected_fraction)


def _check_language(folder: Path, pairs: list[Pair], given: str | None) -> None:
    """Refuse to find English phonemes in another language, be it by hearing or by spelling."""
    facts = folder / FACTS_FILE
    spoken = complete_facts({"language": given}, facts)["language"] if given or facts.exists() else "en"
    if not is_english(spoken) and any(map(_lacks_phonemes, pairs)):
        raise AlignmentError(
            f"is {spoken!r}, and only English is aligned here; put TextGrids that mfa makes with a model of that "
            "language into {speaker}/TextGrid, or train without this step, for models align by themselves",
            file=folder,
            key="language",
        )


def _lacks_phonemes(pair: Pair) -> bool:
    try:
        return not pair.textgrid.is_file() or _words_alone(read_textgrid(pair.textgrid)) is not None
    except AlignmentError:  # a damaged one is left out by name later
        return False


def _pronounce(text: str, normalizer: Normalizer, phonemizer: EnglishPhonemizer) -> Pronounced:
    """Words in plain letters, and their phonemes."""
    return [(word.text or "inline", word.symbols) for word in phonemizer.words(normalizer(text))]


def _complete(pair: Pair, phonemizer: EnglishPhonemizer, report: StepReport) -> None:
    """Leave a TextGrid as it is, unless it knows the words only."""
    tiers = read_textgrid(pair.textgrid)
    words = _words_alone(tiers)
    if words is None:
        report.kept += 1
        return
    said = [[symbol for part in phonemizer.words(word) for symbol in part.symbols] for word in words.labels]
    _write(pair, [*tiers, spread_over_words(words, said)])
    report.done += 1


def _words_alone(tiers: Sequence[Alignment]) -> Alignment | None:
    """Find the words of a TextGrid that lacks phonemes."""
    if any(tier.tier in TIERS for tier in tiers):
        return None
    return next((tier for tier in tiers if tier.tier in WORD_TIERS), None)


def _call_mfa(waiting: dict[Pair, Pronounced], report: StepReport) -> None:
    if waiting:
        missing = align_with_mfa(waiting)
        reason = "the Montreal Forced Aligner gave no TextGrid; check that the text is what is said"
        report.rejected += [Rejected(pair.id, os.fspath(pair.sound), reason) for pair in missing]
        report.done += len(waiting) - len(missing)


def _listen(waiting: dict[Pair, Pronounced], report: StepReport, on_progress: Progress) -> None:
    aligner = PocketSphinxAligner() if waiting else None
    for index, (pair, words) in enumerate(waiting.items(), 1):
        assert aligner is not None
        try:
            clip = read_clip(pair.sound, sampling_rate=LISTENING_RATE, mono="mean", report=_unheard)
            found = aligner.align(clip, words)
            tiers = [replace(found.words, tier=WORD_TIERS[0]), replace(found.phonemes, tier=TIERS[0])]
            _write(pair, tiers)
            report.done += 1
        except (AlignmentError, AudioError) as error:
            report.rejected.append(Rejected(pair.id, os.fspath(pair.sound), error.message))
        on_progress(index)


def _write(pair: Pair, tiers: list[Alignment]) -> None:
    try:
        pair.textgrid.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise AlignmentError(f"cannot be made ({error.strerror}); choose another place", file=pair.textgrid) from error
    write_textgrid(pair.textgrid, tiers)


def _unheard(_finding: Finding) -> None:
    """What was noticed about a clip is counted when its features are made."""
