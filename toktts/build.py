"""The only reader of `Config`: names and options -> objects. Everything below takes values."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import GenerationConfig, PreTrainedTokenizerBase

import toktts.codecs
from toktts import registry
from toktts.codecs._base import Codec
from toktts.config import Config, load_config
from toktts.config._checks import nearest
from toktts.data.amount import SpeechAmount, measure_speech
from toktts.data.cache import TokenCache, build_token_cache
from toktts.data.corpora._base import Corpus
from toktts.data.corpora._cut import CutCorpus
from toktts.data.corpora._limited import LimitedCorpus
from toktts.data.encoding import Arrangement, ClipSettings
from toktts.data.splits import split_ids
from toktts.data.word_times import WordTimes
from toktts.errors import CodecError, ConfigError, ToktsError
from toktts.models._base import ToktsConfig, ToktsModel
from toktts.text import Normalizer
from toktts.text.phonemes import read_lexicon
from toktts.tokens import build_tokenizer

Progress = Callable[[int, int], None]
ERROR_RATES = ("cer", "wer")
"""Scores of what is heard at an evaluation, less is better: `training.args.metric_for_best_model` may name one."""
TRAIN_FRACTION = 0.95
SPLIT_KEYS = ("data.train_fraction", "data.augmentation_copies")
"""Keys that say which clips a run was trained on, and how often."""


@dataclass(frozen=True)
class TrainingPlan:
    """The values of a config that steer a training.

    Args:
        max_minutes: of training; None = as many steps as `arguments` say.
        ema_decay: of the moving average of the weights, a step; None = none is kept.
        early_stopping_patience: evaluations without progress before it stops; None = it never stops early.
        resume: whether a run that lies in the folder is gone on with.
        allow_inexact: whether also where it cannot end as an uninterrupted run would.
        max_frames_per_batch: padding included; None = batches of a fixed number of rows.
        max_rejected_fraction: share of clips that may be left out.
        samples_per_evaluation: sentences spoken at each evaluation.
        arguments: for `ToktsTrainingArguments`, without `output_dir`.
        phrase_share: of the training rows that become phrases.
        config_yaml: the whole config, to lie beside the model.
    """

    max_minutes: float | None
    ema_decay: float | None
    early_stopping_patience: int | None
    resume: bool
    allow_inexact: bool
    max_frames_per_batch: int | None
    max_rejected_fraction: float
    samples_per_evaluation: int
    arguments: dict[str, Any]
    phrase_share: float
    config_yaml: str


def training_plan(config: Config) -> TrainingPlan:
    """Read the values that steer a training."""
    training, tracking = config.training, config.tracking
    arguments: dict[str, Any] = {"report_to": tracking.reporters, "project": tracking.project}
    if tracking.run_name is not None:
        arguments["run_name"] = tracking.run_name
    if chooses_by_hearing(config):
        arguments["greater_is_better"] = False
    return TrainingPlan(
        max_minutes=training.max_minutes,
        ema_decay=training.ema_decay,
        early_stopping_patience=training.early_stopping_patience,
        resume=training.resume,
        allow_inexact=training.allow_inexact,
        max_frames_per_batch=config.data.max_frames_per_batch,
        max_rejected_fraction=config.data.max_rejected_fraction,
        samples_per_evaluation=training.samples_per_evaluation,
        arguments=arguments | dict(training.args),
        phrase_share=config.data.phrase_share,
        config_yaml=config.to_yaml(),
    )


def chooses_by_hearing(config: Config) -> bool:
    """Whether the best checkpoint is the one whose words are heard best."""
    return str(config.training.args.get("metric_for_best_model")).removeprefix("eval_") in ERROR_RATES


def run_folder(config: Config) -> Path:
    """Where the run goes: `training.output_dir`, else `runs/<model.name>`."""
    return Path(config.training.output_dir or Path("runs", config.model.name))


def fits_to_data(config: Config) -> bool:
    """Whether open keys of a voice follow from its data: if asked for, or if no key says how long to train."""
    given, wish = config.given(), config.training.fit_to_data
    lengths = ("training.max_minutes", "training.args.max_steps", "training.args.num_train_epochs")
    return not trains_codec(config) and (wish if wish is not None else not any(key in given for key in lengths))


def filled_from(config: Config, run: Path, keys: Collection[str] = SPLIT_KEYS) -> Config:
    """Fill keys that a config leaves open with the values of a run, if there is one."""
    saved = run / "config.yaml"
    given = load_config([saved]).given() if saved.is_file() else {}
    return config.filled({key: value for key, value in given.items() if key in keys})


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
    corpus_class = _load_class(config, "toktts.data.corpora", data.corpus, Corpus, "data.corpus")
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


def trains_codec(config: Config) -> bool:
    """Whether a codec is to be trained, and not a voice."""
    return config.training.kind == "codec"


def codec_wishes(config: Config) -> tuple[str, Mapping[str, object]]:
    """Name of the codec that a codec training starts from, and its options."""
    return config.codec.name_or_path, config.codec.options


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
    )


def whole_clip_rate(config: Config, codec: Codec) -> float | None:
    """Frames per second where a clip has as many as its text took to say; None where clips are cut without it."""
    return codec.frame_rate if config.data.clip_seconds is None or config.data.clip_text == "aligned" else None


def split(config: Config, ids: list[str]) -> tuple[list[str], list[str]]:
    """Divide ids into (training, validation) by their hash."""
    return split_ids(ids, train_fraction=config.data.train_fraction or TRAIN_FRACTION, seed=config.data.split_seed)


def token_cache(
    config: Config, corpus: Corpus, codec: Codec, *, on_progress: Progress = lambda _done, _total: None
) -> TokenCache:
    """Encode the corpus, or find it encoded."""
    data, settings = config.data, clip_settings(config)
    training = set(split(config, [row.id for row in corpus])[0]) if settings.augmentation_copies > 1 else set()
    return build_token_cache(
        corpus,
        codec,
        settings=settings,
        is_training=lambda clip_id: clip_id in training,
        cache_dir=data.cache_dir,
        arrangement=Arrangement(workers=data.workers),
        shard_rows=data.shard_rows,
        max_rejected_fraction=data.max_rejected_fraction,
        on_progress=on_progress,
    )


def normalizer(config: Config) -> Normalizer:
    """Build the text normaliser."""
    built: Normalizer = _load_class(config, "toktts.text", config.text.normalizer, Normalizer, "text.normalizer")()
    return built


def tokenizer(config: Config) -> PreTrainedTokenizerBase:
    """Build the text tokenizer, with the user's pronunciations where there are some."""
    path = config.tokens.lexicon
    lexicon = None if path is None else {word: " ".join(symbols) for word, symbols in read_lexicon(path).items()}
    return build_tokenizer(config.tokens.tokenizer, lexicon=lexicon)


def model(config: Config, text_tokenizer: PreTrainedTokenizerBase, codec: Codec) -> ToktsModel:
    """Build a new model with random weights for this tokenizer and codec.

    Raises:
        ConfigError: an unknown family, or an option that the family does not have (the nearest is named).
    """
    family = _load_class(config, "toktts.models", config.model.family, ToktsModel, "model.family")
    config_class = family.config_class
    _check_options(config, config_class)
    facts = {
        "codec_sampling_rate": codec.sampling_rate,
        "codec_hop_length": codec.hop_length,
        "n_codebooks": codec.n_codebooks,
        "codebook_size": codec.codebook_size,
        "text_vocab_size": len(text_tokenizer),
        "pad_token_id": text_tokenizer.pad_token_id,
        "eos_token_id": text_tokenizer.eos_token_id,
    }
    try:
        built: ToktsModel = family(config_class(**facts, **config.model.options))
    except ToktsError as error:
        option = (error.key or "").removeprefix("model.")
        raise config.fault(f"model.options.{option}", error.message) from error
    except (StrictDataclassError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise config.fault("model.options", f"do not fit {config.model.family}: {reason}; change them") from error
    _start_from_codec(built, codec)
    return built.attach_codec(codec)


def _start_from_codec(built: ToktsModel, codec: Codec) -> None:
    """Let models that can, start from the codec's centroids."""
    vectors = getattr(codec, "codebooks", None)
    use_code_vectors = getattr(built, "use_code_vectors", None)
    if vectors is not None and use_code_vectors is not None:
        use_code_vectors(vectors)


def generation(config: Config, built: ToktsModel) -> GenerationConfig:
    """Lay the section `inference` over a model's own way of generating."""
    inference = config.inference
    result = built.default_generation()
    frames = int(inference.max_seconds * built.config.frame_rate)
    per_frame = built.config.n_codebooks if config.model.family == "tokflat" else 1
    result.max_new_tokens = max(1, min(frames * per_frame, built.generation_limit))
    result.num_beams, result.guidance_scale = inference.num_beams, inference.guidance_scale
    if inference.do_sample is not None:
        result.do_sample = inference.do_sample
    for name in ("temperature", "top_k", "top_p"):
        value = getattr(inference, name)
        if value is not None and not result.do_sample:
            raise config.fault(f"inference.{name}", "the family does not draw by itself; add inference.do_sample: true")
        if value is not None or not result.do_sample:
            setattr(result, name, value)
    return result


def _check_options(config: Config, config_class: type[ToktsConfig]) -> None:
    known = [field.name for field in fields(config_class) if not hasattr(ToktsConfig, field.name)] + ["text_limit"]
    for name, value in config.model.options.items():
        if name not in known:
            fix = f"did you mean {guess!r}?" if (guess := nearest(name, known)) else f"it has {', '.join(known)}"
            raise config.fault(f"model.options.{name}", f"{config.model.family} has no option {name!r}; {fix}")
        if name.endswith(("_size", "_layers", "_heads")) and isinstance(value, int) and value < 1:
            raise config.fault(f"model.options.{name}", f"must be at least 1, got {value}; change it")


def _load_class(config: Config, package: str, name: str, contract: Any, key: str) -> Any:
    try:
        return registry.load(package, name, contract)
    except ConfigError as error:
        raise config.fault(key, error.message) from error


def demo_counts(config: Config) -> tuple[int, int]:
    """How many sentences the demo speaks: of its corpus, and others."""
    return config.evaluation.seen, config.evaluation.unseen
