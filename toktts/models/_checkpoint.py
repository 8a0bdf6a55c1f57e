"""What may be loaded: safetensors with every tensor the model has, and a config that asks for no code."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

from toktts.errors import ModelError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
CODE_FIELDS = ("auto_map", "custom_pipelines", "trust_remote_code", "_attn_implementation_internal")


def check_checkpoint(name_or_path: str | os.PathLike[str]) -> None:
    """Refuse a folder (or file) that could run code when it is loaded; Hub ids pass, safetensors are asked for there.

    Raises:
        ModelError: pickled weights, a config field that names code, or a config that is no JSON object.
    """
    path = Path(name_or_path)
    if path.suffix in PICKLES and path.is_file():
        raise _pickled(path)
    if not path.is_dir():
        return
    files = sorted(path.iterdir())
    if not any(file.name.endswith((".safetensors", ".safetensors.index.json")) for file in files):
        for file in files:
            if file.suffix in PICKLES and file.name != "training_args.bin":
                raise _pickled(file)
        raise ModelError("holds no model.safetensors; name a folder written by save_pretrained", file=path)
    _check_config(path / "config.json")


def _pickled(path: Path) -> ModelError:
    return ModelError("is a pickle, which can run code; convert it to safetensors in a sandbox", file=path)


def _check_config(path: Path) -> None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error}); name a folder written by save_pretrained", file=path) from error
    if not isinstance(config, dict):
        raise ModelError("is not a JSON object; name a folder written by save_pretrained", file=path)
    for name in CODE_FIELDS:
        if name in config:
            raise ModelError("asks for code from outside, which toktts never runs; remove it", file=path, key=name)


def check_loading(name_or_path: str | os.PathLike[str], info: Mapping[str, Iterable[object]]) -> None:
    """Refuse weights that do not fit, naming the first tensor.

    Args:
        name_or_path: for the message.
        info: what `from_pretrained(output_loading_info=True)` reports.
    Raises:
        ModelError: a tensor is missing (it would stay random), left over, or of another shape.
    """
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        for name in sorted(map(str, info.get(problem, ()))):
            kind = problem.removesuffix("_keys")
            raise ModelError(f"{kind} tensor {name}; the weights are of another model", file=name_or_path)


def codec_folder(name_or_path: str, subfolder: str) -> Path:
    """Find the codec that lies beside a model, downloading that folder alone if the model is on the Hub.

    Raises:
        ModelError: there is none.
    """
    missing = f"model has no {subfolder}/ folder; call attach_codec(load_codec(...)) or save it with its codec"
    folder = Path(name_or_path, subfolder)
    if name_or_path and not folder.is_dir() and not Path(name_or_path).exists():
        try:
            snapshot = huggingface_hub.snapshot_download(name_or_path, allow_patterns=[f"{subfolder}/*"])
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
            raise ModelError(missing, file=name_or_path) from error
        folder = Path(snapshot, subfolder)
    if not name_or_path or not folder.is_dir():
        raise ModelError(missing, file=name_or_path or None)
    return folder
