"""A new model, and how it generates."""

import contextlib
from collections.abc import Iterator
from dataclasses import fields

from huggingface_hub.errors import StrictDataclassError
from transformers import GenerationConfig, PreTrainedTokenizerBase

from toktts.build._naming import load_class
from toktts.codecs._base import Codec
from toktts.codecs._mel_codec import MelCodec
from toktts.config import Config
from toktts.config._checks import nearest
from toktts.data.speaker_vectors import read_speaker_vectors
from toktts.errors import ToktsError
from toktts.models._base import ToktsConfig, ToktsModel


def model(config: Config, text_tokenizer: PreTrainedTokenizerBase, codec: Codec) -> ToktsModel:
    """Build a new model with random weights for this tokenizer and codec.

    Raises:
        ConfigError: an unknown family, an option that the family does not have (the nearest is named), or a codec
            whose features it does not write.
    """
    family = load_class(config, "toktts.models", config.model.family, ToktsModel, "model.family")
    config_class = family.config_class
    _check_options(config, config_class)
    facts = {**_facts(config_class, text_tokenizer, codec), **_vector_size(config, config_class)}
    with _option_faults(config):
        settings = config_class(**{**facts, **config.model.options})
    if settings.feature_kind != codec.feature_kind:
        raise config.fault("codec.name_or_path", _other_features(config, settings, codec))
    with _option_faults(config):
        built: ToktsModel = family(settings)
    _start_from_codec(built, codec)
    return built.attach_codec(codec)


@contextlib.contextmanager
def _option_faults(config: Config) -> Iterator[None]:
    """Say on which line the options stand that a family cannot use."""
    try:
        yield
    except ToktsError as error:
        option = (error.key or "").removeprefix("model.")
        raise config.fault(f"model.options.{option}", error.message) from error
    except (StrictDataclassError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise config.fault("model.options", f"do not fit {config.model.family}: {reason}; change them") from error


def _facts(config_class: type[ToktsConfig], text_tokenizer: PreTrainedTokenizerBase, codec: Codec) -> dict[str, object]:
    """What follows from tokenizer and codec; a family that can write both kinds of features writes the codec's."""
    can_choose = any(field.name == "feature" for field in fields(config_class))
    return {
        "codec_sampling_rate": codec.sampling_rate,
        "codec_hop_length": codec.hop_length,
        "n_codebooks": codec.n_codebooks,
        "codebook_size": codec.codebook_size,
        "n_mels": codec.n_mels,
        "mel_facts": codec.log_mel.facts() if isinstance(codec, MelCodec) else None,
        "text_vocab_size": len(text_tokenizer),
        "pad_token_id": text_tokenizer.pad_token_id,
        "eos_token_id": text_tokenizer.eos_token_id,
    } | ({"feature": codec.feature_kind} if can_choose else {})


def _vector_size(config: Config, config_class: type[ToktsConfig]) -> dict[str, object]:
    """What follows from the vectors of speakers, in families that take some."""
    path = config.data.speaker_vectors
    if path is None or all(field.name != "speaker_vector_size" for field in fields(config_class)):
        return {}
    return {"speaker_vector_size": read_speaker_vectors(path).size}


def _other_features(config: Config, settings: ToktsConfig, codec: Codec) -> str:
    wanted = "a codec of mel, as griffin_lim" if settings.feature_kind == "mel" else "one with codebooks, as bundled"
    return f"makes {codec.feature_kind}, {config.model.family} writes {settings.feature_kind}; use {wanted}"


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
    if inference.refinement_steps is not None:
        result.refinement_steps = inference.refinement_steps  # type: ignore[attr-defined]  # a value of our own
    if inference.do_sample is not None:
        result.do_sample = inference.do_sample
    if built.config.speakers:
        result.speaker_id = 0  # type: ignore[attr-defined]  # the same
    vector = getattr(built.generation_config, "speaker_vector", None)
    if vector is not None:
        result.speaker_vector = vector  # type: ignore[attr-defined]  # the same
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
