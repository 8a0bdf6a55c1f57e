"""Read an audio codec of transformers from a folder: safetensors only, complete, and without running its code."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from toktts.codecs._quiet import quiet_transformers
from toktts.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    Loaded = tuple[PreTrainedModel, dict[str, Any]]

CODE_FIELDS = ("auto_map", "_attn_implementation_internal", "trust_remote_code")
LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, StrictDataclassError)


def read_audio_codec(folder: str | os.PathLike[str]) -> "PreTrainedModel":
    """Build the model that `config.json` describes, with the weights beside it.

    Raises:
        CodecError: the folder asks to run code, holds no audio codec, or its weights are missing, damaged or others.
    """
    from transformers import AutoConfig, AutoModel  # seconds: only processes that use such a codec pay them

    path = Path(folder)

    def load(**options: bool) -> "Loaded":
        config = AutoConfig.from_pretrained(path, local_files_only=True)
        if not hasattr(config, "codebook_size") or not hasattr(config, "sampling_rate"):
            raise CodecError(f"holds a {config.model_type!r}, not an audio codec; use EnCodec, DAC or Mimi", file=path)
        loaded: Loaded = AutoModel.from_pretrained(path, config=config, **options)
        return loaded

    model = read_model(path, load)
    if not (hasattr(model, "encode") and hasattr(model, "decode")):
        raise CodecError(f"a {model.config.model_type!r} cannot encode and decode; use EnCodec, DAC or Mimi", file=path)
    return model


def read_model(path: Path, load: "Callable[..., Loaded]") -> "PreTrainedModel":
    """Read a model of transformers whose folder is safe to read, and see that it is complete.

    Args:
        path: folder with `config.json` and safetensors.
        load: gives the model and what is missing of it; called with options for `from_pretrained`.
    Raises:
        CodecError: as `read_audio_codec`.
    """
    _check_config(path / "config.json")
    _check_weights(path)
    try:
        with quiet_transformers():
            model, info = load(use_safetensors=True, local_files_only=True, output_loading_info=True)
    except LOAD_ERRORS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CodecError(f"cannot be loaded ({reason}); download or save it again", file=path) from error
    if missing := sorted(info["missing_keys"]):
        raise CodecError(f"lacks {len(missing)} weights, first {missing[0]!r}; download or save it again", file=path)
    return model


def _check_config(path: Path) -> None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CodecError(
            "holds no codec.json and no config.json; name the folder of a codec", file=path.parent
        ) from error
    except (OSError, ValueError) as error:
        raise CodecError(f"cannot be read ({error}); download or save the codec again", file=path) from error
    if not isinstance(config, dict):
        raise CodecError("is not an object; download or save the codec again", file=path)
    for field in CODE_FIELDS:
        if field in config:
            raise CodecError(
                "asks to run code of the folder; remove the field if you trust the rest", file=path, key=field
            )


def _check_weights(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    others = sorted(path for ending in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(ending))
    if others:
        raise CodecError("is a pickle, which can run code; convert it to safetensors in a sandbox", file=others[0])
    raise CodecError("holds no .safetensors file; download or save the codec again", file=folder)
