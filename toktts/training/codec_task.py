"""What a config says about a codec to be trained, checked."""

import difflib
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from toktts.codecs import Codec, load_codec
from toktts.codecs._loading import trainable_kind
from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.codecs._vocoder_options import VocoderOptions
from toktts.errors import CodecError, ConfigError

KEY = "codec.options"
EMA_DECAY = 0.999


@dataclass(frozen=True)
class CodecRecipe:
    """How a vocoder is trained, beside what TrainingArguments say.

    Args:
        segment_frames: frames of an example.
        adversarial_from: share of the run after which the discriminators join; 1 = never.
        adversarial_ramp: share of the run in which their word then grows to its full weight.
        adversarial_weight: weight of their judgement beside the spectral distance.
        matching_weight: weight of the distance between their hidden layers.
        judged_share: share of each batch that they hear.
        pitch_weight: weight of the error of the predicted log pitch.
        voicing_weight: weight of the error of which frames have one.
        discriminator_learning_rate: its highest value; it falls as the vocoder's does.
        max_hours: most sound held in memory.
        held_out_segments: examples of an evaluation.
    """

    segment_frames: int = 64
    adversarial_from: float = 0.25
    adversarial_ramp: float = 0.05
    adversarial_weight: float = 0.1
    matching_weight: float = 1.0
    judged_share: float = 0.67
    pitch_weight: float = 1.0
    voicing_weight: float = 0.1
    discriminator_learning_rate: float = 6e-4
    max_hours: float = 10.0
    held_out_segments: int = 32

    def __post_init__(self) -> None:
        for name in ("adversarial_from", "adversarial_ramp", "judged_share"):
            _check_range(self, name, 0, 1)
        for name in ("adversarial_weight", "matching_weight", "pitch_weight", "voicing_weight"):
            _check_range(self, name, 0, 1000)
        _check_range(self, "discriminator_learning_rate", 0, 1)
        _check_range(self, "segment_frames", 1, 10_000)
        _check_range(self, "held_out_segments", 1, 100_000)
        _check_range(self, "max_hours", 0, 10_000)


def _check_range(recipe: CodecRecipe, name: str, low: float, high: float) -> None:
    value = getattr(recipe, name)
    if not low <= value <= high:
        raise ConfigError(f"expected {low} to {high}, got {value}; choose one in that range", key=f"{KEY}.{name}")


@dataclass(frozen=True)
class CodecTask:
    """Where a codec comes from and how it is trained.

    Args:
        kind: class of the codec.
        options: of a new codec; None = go on with `start`.
        start: a trained codec; what shapes its features stays, so voices that were trained on them keep working.
        recipe: how the vocoder is trained.
        max_minutes: of training; None = as long as the arguments say.
        ema_decay: of the average of the weights, a step.
        early_stopping_patience: evaluations without progress before it stops; None = it never stops early.
        samples_per_evaluation: held-out clips that are written as sound at each evaluation.
    """

    kind: type[VocoderCodec]
    options: VocoderOptions | None
    start: VocoderCodec | None
    recipe: CodecRecipe
    max_minutes: float | None = None
    ema_decay: float = EMA_DECAY
    early_stopping_patience: int | None = None
    samples_per_evaluation: int = 2

    def new_codec(self, *, seed: int) -> VocoderCodec:
        """Give the codec to be trained: `start` itself, or one with random weights that follow from the seed."""
        if self.start is not None:
            return self.start
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.kind(self.options or self.kind.options_class())


def codec_task(
    options: Mapping[str, object],
    *,
    name_or_path: str,
    with_model: Path | None = None,
    max_minutes: float | None = None,
    ema_decay: float | None = None,
    early_stopping_patience: int | None = None,
    samples_per_evaluation: int = 2,
) -> CodecTask:
    """Read what a config says about a codec to be trained.

    Args:
        options: fields of the codec's options and of `CodecRecipe`.
        name_or_path: `melrvq` or `mel_vocoder` for a new codec, else the one to start from, as `load_codec` takes it.
        with_model: a run or codec folder to start from instead.
        max_minutes: see `CodecTask`, as for the rest; None for `ema_decay` = 0.999.
        ema_decay: see `CodecTask`.
        early_stopping_patience: see `CodecTask`.
        samples_per_evaluation: see `CodecTask`.
    Raises:
        ConfigError: an unknown option, a value of another type or out of range, or one that contradicts the codec.
        CodecError: there is no such codec, or it cannot be trained.
    """
    start: VocoderCodec | None = None
    kind = trainable_kind(name_or_path) if with_model is None else None
    if kind is None:
        start = _trainable(load_codec(name_or_path if with_model is None else _codec_folder(with_model)))
        kind = type(start)
    shape, way = _divide(options, kind)
    try:
        wanted = kind.options_class(**shape) if start is None else None
    except CodecError as error:
        raise ConfigError(error.message, key=error.key) from error
    if start is not None:
        _check_same(shape, start.options)
    return CodecTask(
        kind=kind,
        options=wanted,
        start=start,
        recipe=CodecRecipe(**way),
        max_minutes=max_minutes,
        ema_decay=EMA_DECAY if ema_decay is None else ema_decay,
        early_stopping_patience=early_stopping_patience,
        samples_per_evaluation=samples_per_evaluation,
    )


def _divide(options: Mapping[str, object], kind: type[VocoderCodec]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort options into those of the codec and those of its training."""
    shapes, ways = typing.get_type_hints(kind.options_class), typing.get_type_hints(CodecRecipe)
    known = {**shapes, **ways}
    for name, value in options.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"it has {', '.join(known)}"
            raise ConfigError(f"{kind.name} has no option {name!r}; {hint}", key=f"{KEY}.{name}")
        if isinstance(value, bool) or not isinstance(value, known[name] if known[name] is int else (int, float)):
            noun = "a whole number" if known[name] is int else "a number"
            raise ConfigError(f"expected {noun}, got {value!r}; change it", key=f"{KEY}.{name}")
    typed = {name: known[name](value) for name, value in options.items()}
    return (
        {name: value for name, value in typed.items() if name in shapes},
        {name: value for name, value in typed.items() if name in ways},
    )


def _codec_folder(folder: Path) -> Path:
    return folder / "codec" if (folder / "codec").is_dir() else folder


def _trainable(codec: Codec) -> VocoderCodec:
    if isinstance(codec, VocoderCodec):
        return codec
    raise CodecError(
        f"{type(codec).__name__} cannot be trained here; name a melrvq codec or a mel_vocoder",
        key="codec.name_or_path",
    )


def _check_same(wanted: Mapping[str, Any], options: VocoderOptions) -> None:
    for name, value in wanted.items():
        there = asdict(options)[name]
        if value != there:
            raise ConfigError(
                f"is {value}, but the codec that is trained further has {there}; remove the key", key=f"{KEY}.{name}"
            )
