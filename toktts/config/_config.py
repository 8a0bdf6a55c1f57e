"""A whole config: its sections, where each key was written, and the pairs of keys that contradict each other."""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from toktts.config._checks import fault
from toktts.config._yaml import Origin, dump_yaml
from toktts.config.sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    InferenceSection,
    ModelSection,
    Section,
    TextSection,
    TokensSection,
    TrackingSection,
    TrainingSection,
)
from toktts.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a run depends on, except the code and the data. Only `toktts/build` reads it."""

    text: TextSection = field(default_factory=TextSection)
    tokens: TokensSection = field(default_factory=TokensSection)
    model: ModelSection = field(default_factory=ModelSection)
    codec: CodecSection = field(default_factory=CodecSection)
    data: DataSection = field(default_factory=DataSection)
    training: TrainingSection = field(default_factory=TrainingSection)
    inference: InferenceSection = field(default_factory=InferenceSection)
    evaluation: EvaluationSection = field(default_factory=EvaluationSection)
    tracking: TrackingSection = field(default_factory=TrackingSection)
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, what, fix in contradictions(self):
            raise fault(key, what, fix)

    def to_yaml(self) -> str:
        """Every key with its value; `load_config` of it gives an equal config."""
        sections = {name: asdict(getattr(self, name)) for name in SECTIONS}
        report_to = self.tracking.report_to
        sections["tracking"]["report_to"] = report_to if isinstance(report_to, str) else list(report_to)
        return dump_yaml(sections)

    def given(self) -> dict[str, object]:
        """Dotted key -> value of every key that says something: null is left out, and so is an empty mapping.

        >>> Config(model=ModelSection(options={"hidden_size": 64})).given()["model.options.hidden_size"]
        64
        """
        values: dict[str, object] = {}
        for section in SECTIONS:
            for name, value in vars(getattr(self, section)).items():
                inner = {f".{key}": item for key, item in value.items()} if isinstance(value, Mapping) else {"": value}
                values |= {f"{section}.{name}{key}": item for key, item in inner.items() if item is not None}
        return values

    def filled(self, values: Mapping[str, object]) -> "Config":
        """The same config with values for keys that it leaves open; those that are given stay.

        Args:
            values: dotted key, as `training.max_minutes` or `model.options.hidden_size` -> value.
        """
        given = self.given()
        sections: dict[str, Any] = {}
        for key, value in values.items():
            if key in given:
                continue
            section, name, *inner = key.split(".")
            part = sections.get(section, getattr(self, section))
            new = {**getattr(part, name), inner[0]: value} if inner else value
            sections[section] = replace(part, **{name: new})
        return replace(self, **sections)

    def origin(self, key: str) -> Origin | None:
        """Where a key, as `model.options.hidden_size`, was written: (file, line); None if it is a default."""
        return self.origins.get(key)

    def fault(self, key: str, message: str) -> ConfigError:
        """An error about a key that points to where it, or else what holds it, was written.

        Args:
            key: as `model.options.hidden_size`.
            message: `<what>; <fix>`.
        """
        return locate(ConfigError(message, key=key), self.origins)


SECTIONS: Mapping[str, type[Section]] = {
    name: hint for name, hint in typing.get_type_hints(Config).items() if isinstance(hint, type)
}


def locate(error: ConfigError, origins: Mapping[str, Origin]) -> ConfigError:
    """The same error with the file and line of its key, or of the nearest mapping around it that was written."""
    if error.file is not None or error.key is None:
        return error
    parts = error.key.split(".")
    paths = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    place = next((origins[path] for path in paths if path in origins), None)
    if place is None:
        return error
    return ConfigError(error.message, file=place.file, line=place.line, key=error.key)


def contradictions(config: Config) -> Iterator[tuple[str, str, str]]:
    """(key, what, fix) for each pair of keys, in different sections or not, that cannot both be meant."""
    data, training, inference = config.data, config.training, config.inference
    if data.corpus == "huggingface" and (data.path is None) == (data.name is None):
        state = "both are set" if data.path else "neither is set"
        yield "data.corpus", f"huggingface takes one of data.path and data.name, and {state}", "set one"
    if data.corpus in ("demo", "folder", "ljspeech") and data.name is not None:
        yield "data.name", f"has no meaning for data.corpus {data.corpus}", "remove it, or set data.corpus: huggingface"
    if data.corpus == "folder" and data.path is None:
        yield "data.corpus", "folder needs data.path, which is null", "name the folder with metadata.csv"
    if data.clip_seconds is not None and data.max_seconds is not None and data.clip_seconds > data.max_seconds:
        what = f"{data.clip_seconds:g} s is longer than data.max_seconds, {data.max_seconds:g} s"
        yield "data.clip_seconds", what, "shorten it, or raise data.max_seconds"
    if data.clip_text == "aligned" and data.clip_seconds is None:
        yield "data.clip_text", "aligned has no effect while data.clip_seconds is null", "set data.clip_seconds"
    if (data.augmentation_copies or 1) > 1 and data.augmentation_noise_std == 0:
        what = f"{data.augmentation_copies} copies with data.augmentation_noise_std 0 are all the same"
        yield "data.augmentation_copies", what, "set it to 1, or raise data.augmentation_noise_std"
    if training.kind == "codec" and config.model.start_from is not None:
        yield "model.start_from", "has no effect while training.kind is codec", "name codec.name_or_path"
    if training.early_stopping_patience is not None and training.args.get("eval_strategy") == "no":
        what = "needs evaluations, and training.args.eval_strategy is 'no'"
        yield "training.early_stopping_patience", what, "set eval_strategy to steps or epoch"
    if (inference.guidance_scale or 1) > 1 and not config.model.options.get("text_dropout"):
        what = f"{inference.guidance_scale:g} needs a model that also learns to speak without text"
        yield "inference.guidance_scale", what, "set model.options.text_dropout: 0.1 (tokar), or this to null"
    if inference.refinement_steps and not config.model.options.get("refinement"):
        what = f"{inference.refinement_steps} needs a model that also learns to choose codes again"
        yield "inference.refinement_steps", what, "set model.options.refinement: true (toknar), or this to null"
    neutral = InferenceSection()
    for name in ("temperature", "top_k", "top_p"):
        value = getattr(inference, name)
        if inference.do_sample is False and value != getattr(neutral, name):
            what = f"{value} has no effect while inference.do_sample is false"
            yield f"inference.{name}", what, "set do_sample: true, or this to null"
