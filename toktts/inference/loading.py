"""A run folder (or its copy on the Hub) -> the model, the tokenizer and the normaliser that belong together."""

import json
import os
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForTextToWaveform, AutoTokenizer, PreTrainedTokenizerBase
from transformers.pipelines.text_to_audio import TextToAudioPipeline

from toktts import registry
from toktts.codecs._quiet import quiet_transformers
from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.config._yaml import read_yaml
from toktts.errors import ConfigError, ModelError
from toktts.models import ToktsConfig, ToktsModel, register_all
from toktts.models._checkpoint import check_checkpoint
from toktts.models.modules.precision import computes_bfloat16, multiply_in_bfloat16
from toktts.text import Normalizer

CONFIG_FILE = "config.yaml"
# transformers reads the second as if it were not there when it is damaged, and dies of the third.
JSON_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
DEFAULT_NORMALIZER = "basic"
Precision = Literal["float32", "bfloat16"]
UNUSUAL_WORD = "flimbering"
"""In no dictionary, so that what guesses its sounds is loaded too."""
WHO_SPEAKS = ("speaker_ids", "speaker_vectors")
SHORT = 16
"""Text ids, and frames or codes."""


def load_model(name_or_path: str | os.PathLike[str]) -> ToktsModel:
    """Load a model in eval mode, from safetensors and nothing else.

    Args:
        name_or_path: a run folder, a checkpoint, or a Hub id.
    Raises:
        ModelError: neither a folder nor on the Hub, not one of toktts' families, or damaged.
    """
    name = os.fspath(name_or_path)
    register_all()
    check_checkpoint(name)
    _check_json(Path(name))
    try:
        config: Any = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _cannot_load(name, error) from error
    if not isinstance(config, ToktsConfig):
        raise ModelError(f"is a {config.model_type} model, not one of toktts; name a run folder", file=name)
    try:
        with quiet_transformers():
            model: ToktsModel = AutoModelForTextToWaveform.from_pretrained(name, config=config, trust_remote_code=False)
    except SafetensorError as error:
        raise _not_a_checkpoint(Path(name, "model.safetensors"), error) from error
    model.train(mode=False)
    return model


def set_precision(model: ToktsModel, precision: Precision) -> None:
    """Let a model and its codec's vocoder multiply in bfloat16, as far as the family allows; see `bfloat16_parts`.

    Args:
        model: on its device; it is changed, but not what `save_pretrained` writes.
        precision: `float32` leaves it as it is.
    Raises:
        ModelError: no such precision, or a device or a voice that gains nothing by it.
    """
    if precision not in get_args(Precision):
        raise ModelError(f"must be 'float32' or 'bfloat16', got {precision!r}; change it", key="precision")
    if precision == "float32":
        return
    if not computes_bfloat16(model.device):
        raise ModelError(f"{model.device} does not compute in bfloat16; leave it at float32", key="precision")
    codec = model.codec
    parts = [getattr(model, name) for name in model.bfloat16_parts]
    if isinstance(codec, VocoderCodec):
        parts.append(codec.vocoder)
    if not sum(multiply_in_bfloat16(part) for part in parts if part is not None):
        raise ModelError(
            f"nothing of this {model.config.model_type} voice and its {type(codec).__name__} may be rounded; "
            "leave it at float32",
            key="precision",
        )


def warm_up(speaker: TextToAudioPipeline) -> None:
    """Do what is done once before the first sentence, so that it takes no longer than another.

    The codec is loaded, and what the tokenizer pronounces with; then a fraction of a second is spoken that nobody
    hears, for libraries prepare their kernels at first use. It leaves no trace in torch's own generators. A voice that
    must be told who speaks stays silent here.

    Raises:
        ModelError: the model came without a codec, or with one that does not fit.
        CodecError: its codec cannot be loaded.
    """
    model: Any = speaker.model
    model.codec  # noqa: B018 - loaded by looking
    tokenizer: Any = speaker.tokenizer
    tokenizer([UNUSUAL_WORD], padding=True, return_tensors="pt")
    # Ids that every model has: a tokenizer that does not fit is told of when it is used.
    ids = torch.ones(1, min(SHORT, model.config.text_limit), dtype=torch.long)
    options = {"max_new_tokens": min(SHORT, model.generation_limit), "do_sample": False, "num_beams": 1, "seed": 0}
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    try:
        speaker.forward(inputs, forward_params=options, generate_kwargs={})  # type: ignore[no-untyped-call]
    except ModelError as error:
        if error.key not in WHO_SPEAKS:
            raise


def _check_json(folder: Path) -> None:
    for file in (folder / name for name in JSON_FILES):
        try:
            content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        except (OSError, ValueError) as error:
            raise _not_a_checkpoint(file, error) from error
        if not isinstance(content, dict):
            raise _not_a_checkpoint(file, "no JSON object")


def _not_a_checkpoint(file: Path, reason: object) -> ModelError:
    return ModelError(f"is not of a toktts checkpoint ({reason}); copy the whole folder again", file=file)


def _cannot_load(name: str, error: Exception) -> ModelError:
    if Path(name).exists():
        reason = " ".join(str(error).split())[:120]
        return ModelError(f"cannot be loaded ({reason}); name a folder that toktts train wrote", file=name)
    return ModelError("no such run folder, and the Hub did not give it; train it first, or check the name", file=name)


def load_tokenizer(name_or_path: str | os.PathLike[str]) -> PreTrainedTokenizerBase:
    """Load the text tokenizer that was saved beside a model.

    Raises:
        ModelError: there is none.
    """
    name = os.fspath(name_or_path)
    if not name:
        raise ModelError("a model that was not loaded from a folder brings no tokenizer; pass one", key="tokenizer")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError("holds no tokenizer; save the one that the model was trained with", file=name) from error
    return tokenizer


def load_normalizer(name_or_path: str | os.PathLike[str]) -> Normalizer:
    """Build the normaliser that a run's `config.yaml` names: text is spoken as it was trained.

    Args:
        name_or_path: a run folder; anything else gets plain English rules.
    Raises:
        ConfigError: a config that is not YAML, or a normaliser that does not exist.
    """
    name = normalizer_name(name_or_path)
    return registry.load("toktts.text", name, Normalizer, key="text.normalizer")()  # type: ignore[type-abstract]


def normalizer_name(name_or_path: str | os.PathLike[str]) -> str:
    """Read which normaliser a run's `config.yaml` names.

    Only that one key is read, so a run of another version, with other keys, still speaks.

    Raises:
        ConfigError: a config that is not YAML.
    """
    file = Path(name_or_path, CONFIG_FILE)
    if not os.fspath(name_or_path) or not file.is_file():
        return DEFAULT_NORMALIZER
    try:
        written = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read ({error}); copy the whole folder again", file=file) from error
    sections = read_yaml(written, os.fspath(file)).children()
    text = sections["text"].children() if "text" in sections else {}
    return str(text["normalizer"].value) if "normalizer" in text else DEFAULT_NORMALIZER
