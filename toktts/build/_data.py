"""What is trained on: a corpus, its codec, its cache and its splits."""

import inspect
import os
from collections.abc import Callable
from dataclasses import replace

import toktts.codecs
from toktts.build._naming import load_class
from toktts.build._text import normalizer
from toktts.codecs._base import Codec
from toktts.config import Config
from toktts.data.amount import SpeechAmount, measure_speech
from toktts.data.cache import TokenCache, build_token_cache
from toktts.data.corpora._base import Corpus
from toktts.data.corpora._cut import CutCorpus
from toktts.data.corpora._limited import LimitedCorpus
from toktts.data.encoding import Arrangement, ClipSettings
from toktts.data.speaker_vectors import SpeakerVectors, read_speaker_vectors
from toktts.data.splits import split_first, split_ids
from toktts.data.word_times import WordTimes
from toktts.errors import CodecError

Progress = Callable[[int, int], None]
TRAIN_FRACTION = 0.95
SLOW_CODEC_BATCH = 4


def speech_amount(config: Config, corpus: Corpus) -> SpeechAmount:
    """Measure how much speech will be trained on, by the headers of the files."""
    return measure_speech(corpus, clip_seconds=config.data.clip_seconds, max_seconds=config.data.max_seconds)


def open_corpus(config: Config) -> Corpus:
    """Open the corpus that `data` names.

    Raises:
        ConfigError: an unknown corpus, or one that wants a key which is not set.
        CorpusError: its files cannot be used.
    """
    data = config.data
    corpus_class = load_class(config, "toktts.data.corpora", data.corpus, Corpus, "data.corpus")
    arguments = {}
    for name, parameter in inspect.signature(corpus_class).parameters.items():
        value = getattr(data, name, None)
        if value is not None:
            arguments[name] = value
        elif parameter.default is inspect.Parameter.empty:
            raise config.fault(f"data.{name}", f"is needed by the corpus {data.corpus!r}; set it in the config")
    corpus = corpus_class(**arguments)
    corpus = corpus if data.limit_rows is None else LimitedCorpus(corpus, data.limit_rows)
    if data.clip_seconds is None or data.clip_text == "whole":
        return corpus
    locate = WordTimes(normalizer(config), cache_dir=data.cache_dir)
    return CutCorpus(corpus, data.clip_seconds, locate=locate, max_seconds=data.max_seconds)


def load_codec(config: Config) -> Codec:
    """Load the codec that `codec` names."""
    codec = config.codec
    try:
        return toktts.codecs.load_codec(
            codec.name_or_path, bandwidth_kbps=codec.bandwidth_kbps, revision=codec.revision
        )
    except CodecError as error:
        if error.file is None and error.key is not None and error.key.startswith("codec."):
            raise config.fault(error.key, error.message) from error
        raise


def clip_settings(config: Config) -> ClipSettings:
    """Say what is done to a clip before the codec hears it."""
    data = config.data
    return ClipSettings(
        clip_seconds=data.clip_seconds if data.clip_text == "whole" else None,
        max_seconds=data.max_seconds,
        mono=data.mono,
        augmentation_copies=data.augmentation_copies or 1,
        augmentation_noise=data.augmentation_noise_std,
        augmentation_seed=data.split_seed,
        pitch_estimator=data.pitch_estimator,
    )


def whole_clip_rate(config: Config, codec: Codec) -> float | None:
    """Frames per second where a clip has as many as its text took to say; None where clips are cut without it."""
    return codec.frame_rate if config.data.clip_seconds is None or config.data.clip_text == "aligned" else None


def split(config: Config, ids: list[str]) -> tuple[list[str], list[str]]:
    """Divide ids into (training, validation) by their hash, or by their names where a number is given."""
    if config.data.n_validation is not None:
        return split_first(ids, n_validation=config.data.n_validation)
    return split_ids(ids, train_fraction=config.data.train_fraction or TRAIN_FRACTION, seed=config.data.split_seed)


def speaker_vectors(config: Config, corpus: Corpus, *, size: int) -> SpeakerVectors | None:
    """Read the vectors that `data.speaker_vectors` names, before any work is done that they would spoil.

    Args:
        config: may name them.
        corpus: whose speakers must have one each.
        size: of the vectors that the model wants; 0 = it wants none.
    Returns:
        None where the model wants none.
    Raises:
        ConfigError: only one of config and model knows of vectors, or they are of different sizes.
        CorpusError: a file that cannot be used, or a speaker without a vector.
    """
    key, path = "data.speaker_vectors", config.data.speaker_vectors
    if path is None and size:
        raise config.fault(key, f"is not set, the model wants vectors of {size} numbers; name a file of them")
    if path is None:
        return None
    vectors = read_speaker_vectors(path)
    if not size:
        raise config.fault(key, "are nothing the model takes; leave it out, or train a new fastspeech2")
    if vectors.size != size:
        raise config.fault(
            key,
            f"{path} has vectors of {vectors.size} numbers, the model wants {size}; use others, or leave "
            "model.options.speaker_vector_size out of a new one",
        )
    vectors.check_speakers({row.speaker for row in corpus})
    return vectors


def token_cache(
    config: Config,
    corpus: Corpus,
    codec: Codec,
    *,
    prosody: bool = False,
    on_progress: Progress = lambda _done, _total: None,
) -> TokenCache:
    """Encode the corpus, or find it encoded.

    Args:
        config: says how.
        corpus: of `open_corpus`.
        codec: makes the features.
        prosody: whether the model wants pitch and energy, see `ToktsModel.wants_prosody`.
        on_progress: gets clips done and clips in all.
    """
    data, settings = config.data, replace(clip_settings(config), prosody=prosody)
    training = set(split(config, [row.id for row in corpus])[0]) if settings.augmentation_copies > 1 else set()
    return build_token_cache(
        corpus,
        codec,
        settings=settings,
        is_training=lambda clip_id: clip_id in training,
        cache_dir=data.cache_dir,
        arrangement=_arrangement(data.workers, codec),
        shard_rows=data.shard_rows,
        max_rejected_fraction=data.max_rejected_fraction,
        on_progress=on_progress,
    )


def _arrangement(workers: int | None, codec: Codec) -> Arrangement:
    """What was the fastest (docs/benchmarks.md): a slow codec in a process a core, with small batches."""
    if not codec.is_slow:
        return Arrangement(workers=workers or 1)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Arrangement(workers=workers or cores, batch_size=SLOW_CODEC_BATCH)
