"""The sections of a config: one frozen dataclass each, checked when built, with units in `config/base.yaml`."""

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

from toktts.config._checks import Between, IsPath, Matches, checked, fault
from toktts.config._training_args import check_training_args

ModuleName = Annotated[str, Matches(r"[a-z][a-z0-9_]{0,63}", "the name of a file in its folder, without .py")]
FileName = Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, '.', '_' and '-'")]
PathText = Annotated[str, IsPath()]
Count = Annotated[int, Between(1, 10**9)]
CountOrZero = Annotated[int, Between(0, 10**9)]
Seed = Annotated[int, Between(0, 2**32 - 1)]
Seconds = Annotated[float, Between(0.01, 86_400)]
Options = Mapping[str, object]
Reporter = Literal["none", "wandb", "tensorboard"]


def field_types(section: type["Section"]) -> Mapping[str, Any]:
    """Key -> annotation of a section."""
    hints = typing.get_type_hints(section, include_extras=True)
    return {item.name: hints[item.name] for item in fields(section)}


@dataclass(frozen=True, kw_only=True)
class Section:
    """Checks its values when built: wrong type or range raises ConfigError with the key."""

    name_in_config: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, hint in field_types(type(self)).items():
            value = checked(getattr(self, name), hint, f"{self.name_in_config}.{name}")
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class TextSection(Section):
    """What happens to text before it is tokenised."""

    name_in_config: ClassVar[str] = "text"
    normalizer: ModuleName = "basic"


@dataclass(frozen=True, kw_only=True)
class TokensSection(Section):
    """What text becomes for the model."""

    name_in_config: ClassVar[str] = "tokens"
    tokenizer: Literal["characters", "bytes", "phonemes", "mixed", "symbols360", "pauses", "pauses_er_as_eh"] = (
        "characters"
    )
    lexicon: PathText | None = None


@dataclass(frozen=True, kw_only=True)
class ModelSection(Section):
    """Which model, what the run is called, and the family's own options."""

    name_in_config: ClassVar[str] = "model"
    family: ModuleName = "tokar"
    name: FileName = "demo"
    start_from: PathText | None = None
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CodecSection(Section):
    """What turns sound into features and back."""

    name_in_config: ClassVar[str] = "codec"
    name_or_path: PathText = "bundled"
    bandwidth_kbps: Annotated[float, Between(0.1, 1000)] | None = None
    revision: str | None = None
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataSection(Section):
    """Which corpus, how it is cut, split, augmented and cached."""

    name_in_config: ClassVar[str] = "data"
    corpus: ModuleName = "demo"
    path: PathText | None = None
    name: str | None = None
    text_column: str | None = None
    audio_column: str | None = None
    speaker: str | None = None
    speaker_vectors: PathText | None = None
    language: str | None = None
    licence: str | None = None
    consent: str | None = None
    limit_rows: Count | None = None
    clip_seconds: Seconds | None = None
    clip_text: Literal["whole", "aligned"] = "whole"
    max_seconds: Seconds | None = 30.0
    mono: Literal["error", "mean"] = "error"
    max_rejected_fraction: Annotated[float, Between(0, 1)] = 0.01
    train_fraction: Annotated[float, Between(0, 1, inside=True)] | None = None
    n_validation: Count | None = None
    split_seed: Seed = 20
    augmentation_copies: Annotated[int, Between(1, 1000)] | None = None
    augmentation_noise_std: Annotated[float, Between(0, 1)] = 6.0e-4
    phrase_share: Annotated[float, Between(0, 1)] | None = None
    pitch_estimator: Literal["own", "pyworld"] = "own"
    workers: Annotated[int, Between(1, 1024)] | None = None
    shard_rows: Count = 1000
    cache_dir: PathText | None = None
    max_frames_per_batch: Count | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSection(Section):
    """What is trained, where the run goes, when it stops; `args` go to transformers' TrainingArguments."""

    name_in_config: ClassVar[str] = "training"
    kind: Literal["voice", "codec"] = "voice"
    output_dir: PathText | None = None
    fit_to_data: bool | None = None
    max_minutes: Annotated[float, Between(0, 10**6, inside=True)] | None = None
    ema_decay: Annotated[float, Between(0, 1, inside=True)] | None = None
    early_stopping_patience: Count | None = None
    resume: bool = False
    allow_inexact: bool = False
    samples_per_evaluation: Annotated[int, Between(0, 1000)] = 2
    args: Options = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_training_args(self.args)


@dataclass(frozen=True, kw_only=True)
class InferenceSection(Section):
    """How codes are drawn from the model."""

    name_in_config: ClassVar[str] = "inference"
    do_sample: bool | None = None
    temperature: Annotated[float, Between(0.01, 100)] | None = None
    top_k: Annotated[int, Between(1, 10**6)] | None = None
    top_p: Annotated[float, Between(0.001, 1)] | None = None
    num_beams: Annotated[int, Between(1, 64)] = 1
    guidance_scale: Annotated[float, Between(1, 10)] | None = None
    refinement_steps: Annotated[int, Between(0, 64)] | None = None
    seed: Seed = 0
    max_seconds: Annotated[float, Between(0.01, 3600)] = 20.0


@dataclass(frozen=True, kw_only=True)
class EvaluationSection(Section):
    """How many sentences are spoken and scored."""

    name_in_config: ClassVar[str] = "evaluation"
    limit_rows: Count = 10
    seen: CountOrZero = 10
    unseen: CountOrZero = 20


@dataclass(frozen=True, kw_only=True)
class TrackingSection(Section):
    """Where numbers and samples are reported."""

    name_in_config: ClassVar[str] = "tracking"
    report_to: Reporter | tuple[Reporter, ...] = "none"
    project: str | None = "toktts"
    entity: str | None = None
    run_name: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if "none" in self.report_to and self.report_to not in ("none", ("none",)):
            raise fault("tracking.report_to", "holds 'none' beside another name", "remove 'none'")

    @property
    def reporters(self) -> list[str]:
        """`report_to` as TrainingArguments wants it: a list, empty for none."""
        names = [self.report_to] if isinstance(self.report_to, str) else list(self.report_to)
        return [name for name in names if name != "none"]
