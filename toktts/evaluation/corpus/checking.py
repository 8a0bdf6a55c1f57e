"""A corpus, looked at before anything is trained on it."""

import sys
from collections.abc import Iterator, Mapping

from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from toktts.audio.reading import read_clip
from toktts.codecs._base import Codec
from toktts.data.corpora._base import Corpus, Utterance
from toktts.data.encoding import ClipSettings, hash_audio
from toktts.data.mel_file import is_mel_file
from toktts.data.splits import pick
from toktts.errors import AudioError, CorpusError, MissingPackageError
from toktts.evaluation.corpus.codec import N_CLIPS, CodecVerdict, judge_codec
from toktts.evaluation.corpus.findings import Finding
from toktts.evaluation.corpus.fitting import MAX_CLIPS, Listener
from toktts.evaluation.corpus.report import CorpusReport
from toktts.evaluation.corpus.sound import LISTENING_RATE, ClipSound, measure_sound, sound_findings
from toktts.evaluation.corpus.texts import ClipText, TextReader, pace_findings, text_findings
from toktts.text import Normalizer

GET_ALIGNER = "pip install 'toktts[align]'"


def check_corpus(
    corpus: Corpus,
    *,
    normalizer: Normalizer,
    tokenizer: PreTrainedTokenizerBase,
    settings: ClipSettings,
    codec: Codec | None = None,
) -> CorpusReport:
    """Look at the sound of every clip, at its text, at both together, and at what a codec does to some of them.

    Args:
        corpus: gone through twice.
        normalizer: text as written -> as read.
        tokenizer: says which symbols cannot be read, and brings the user's lexicon.
        settings: how files become clips.
        codec: compared with the originals on up to 24 clips, chosen by the hash of their ids; None = it is not.
    Raises:
        CorpusError: no clip at all.
    """
    looking = _Looking(settings, TextReader(normalizer, tokenizer))
    for utterance in tqdm(corpus, desc="looking at clips", unit="clip", disable=None, file=sys.stderr):
        looking.add(utterance)
    if not looking.texts:
        raise CorpusError("has no clips; check its folder and the limit on rows")
    findings = [Finding("unusable", row.id, row.reason) for row in corpus.rejected]
    findings += [*looking.findings, *sound_findings(looking.sounds, max_seconds=settings.max_seconds)]
    lengths = {id_: (sound.duration_s, sound.speech_s) for id_, sound in looking.sounds.items()}
    findings += [*text_findings(looking.texts), *pace_findings(looking.texts, lengths)]
    notes = [f"{looking.n_mel} clips bring mel: nothing was heard of them"] if looking.n_mel else []
    mismatched, note = _listen(corpus, looking.texts, pick(looking.sounds, MAX_CLIPS, seed=0))
    return CorpusReport(
        n_clips=len(looking.texts),
        sounds=looking.sounds,
        speakers=tuple(looking.speakers),
        languages=tuple(looking.languages),
        findings=(*findings, *mismatched),
        notes=(*notes, *([note] if note else [])),
        codec_rate=None if codec is None else codec.sampling_rate,
        codec=None if codec is None else judge_sample(corpus, list(looking.sounds), codec, settings),
    )


def judge_sample(corpus: Corpus, ids: list[str], codec: Codec, settings: ClipSettings) -> CodecVerdict | None:
    """Judge a codec on up to 24 clips, the same ones each time.

    Args:
        corpus: gone through once.
        ids: of clips that can be read.
        codec: see `judge_codec`.
        settings: how files become clips.
    """
    utterances = list(_chosen(corpus, pick(ids, N_CLIPS, seed=0)))
    return judge_codec(
        tqdm(utterances, desc="through the codec", unit="clip", disable=None, file=sys.stderr), codec, settings
    )


class _Looking:
    """What one look at every clip gathers; no sound is kept."""

    def __init__(self, settings: ClipSettings, read: TextReader) -> None:
        self.sounds: dict[str, ClipSound] = {}
        self.texts: dict[str, ClipText] = {}
        self.findings: list[Finding] = []
        self.speakers: dict[str, None] = {}
        self.languages: dict[str, None] = {}
        self.n_mel = 0
        self._mono = settings.mono
        self._read = read
        self._first_with: dict[str, str] = {}

    def add(self, utterance: Utterance) -> None:
        """Look at one clip."""
        id_ = utterance.id
        if id_ in self.texts:
            raise CorpusError("occurs twice; give every clip its own id", key=id_)
        self.speakers[utterance.speaker] = self.languages[utterance.language] = None
        self.texts[id_] = self._read(utterance.text, language=utterance.language)
        if is_mel_file(utterance.audio):
            self.n_mel += 1
            return
        try:
            self.sounds[id_] = measure_sound(utterance.audio, mono=self._mono)
        except AudioError as error:
            self.findings.append(Finding("unusable", id_, error.message))
            return
        other = self._first_with.setdefault(hash_audio(utterance.audio), id_)
        if other != id_:
            self.findings.append(Finding("duplicate", id_, f"as {other}"))


def _listen(corpus: Corpus, texts: Mapping[str, ClipText], ids: list[str]) -> tuple[list[Finding], str]:
    """Align clips with their words: what does not fit, and why or how many were not listened to."""
    spoken = [id_ for id_ in ids if texts[id_].words]
    if not spoken:
        return [], "whether texts are what is said was not heard: only English can be aligned"
    try:
        listener = Listener()
    except MissingPackageError:
        return [], f"whether texts are what is said was not heard: {GET_ALIGNER}"
    found = []
    bar = tqdm(_chosen(corpus, spoken), desc="listening", unit="clip", total=len(spoken), disable=None, file=sys.stderr)
    for utterance in bar:
        clip = read_clip(utterance.audio, sampling_rate=LISTENING_RATE, mono="mean", report=lambda _: None)
        fault = listener.fault(clip, texts[utterance.id].words or ())
        if fault:
            found.append(Finding("mismatch", utterance.id, fault))
    left = len(texts) - len(spoken)
    return found, f"{len(spoken)} of {len(texts)} clips were listened to" if left else ""


def _chosen(corpus: Corpus, ids: list[str]) -> Iterator[Utterance]:
    wanted = set(ids)
    return (utterance for utterance in corpus if utterance.id in wanted)
