"""One look through a corpus: what the cache's name follows from, without keeping the sound in memory."""

from collections.abc import Callable
from dataclasses import dataclass

from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.encoding import hash_audio
from toktts.data.phones import hash_phones
from toktts.errors import CorpusError


@dataclass(frozen=True)
class ScannedClip:
    """A clip of the corpus without its sound.

    Args:
        id: of the utterance.
        text: what is said.
        speaker: who says it.
        audio_hash: of the file's content, or a word why there is none.
        n_copies: rows to make of it.
        phones_hash: of its phonemes and their times; None = not known.
    """

    id: str
    text: str
    speaker: str
    audio_hash: str
    n_copies: int
    phones_hash: str | None = None


def scan_corpus(corpus: Corpus, *, n_copies: int, is_training: Callable[[str], bool]) -> list[ScannedClip]:
    """Read every row and hash every file.

    Args:
        corpus: gone through once.
        n_copies: rows of a training clip; a clip for validation has one.
        is_training: whether a clip of this id is for training.
    Raises:
        CorpusError: no clip, an id twice, text that is not Unicode, the same sound in training and validation, or
            phonemes of some clips only.
    """
    clips: dict[str, ScannedClip] = {}
    first_with: dict[str, tuple[str, bool]] = {}
    for utterance in corpus:
        if utterance.id in clips:
            raise CorpusError("occurs twice; give every clip its own id", key=utterance.id)
        _check_text(utterance)
        audio_hash = hash_audio(utterance.audio)
        is_train = is_training(utterance.id)
        other, other_is_train = first_with.setdefault(audio_hash, (utterance.id, is_train))
        if is_train != other_is_train and " " not in audio_hash:
            raise CorpusError(
                f"has the same sound as {other!r}, and one is for training, the other for validation; remove one",
                key=utterance.id,
            )
        copies = n_copies if is_train else 1
        phones = None if utterance.phones is None else hash_phones(utterance.phones)
        clips[utterance.id] = ScannedClip(utterance.id, utterance.text, utterance.speaker, audio_hash, copies, phones)
    if not clips:
        raise CorpusError("has no clips; check its folder and the limit on rows")
    without = [clip.id for clip in clips.values() if clip.phones_hash is None]
    if 0 < len(without) < len(clips):
        raise CorpusError(
            f"has no phonemes with times, {len(clips) - len(without)} others have; align it too", key=without[0]
        )
    return list(clips.values())


def _check_text(utterance: Utterance) -> None:
    try:
        utterance.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CorpusError("text holds half a surrogate pair; write it again in UTF-8", key=utterance.id) from error
