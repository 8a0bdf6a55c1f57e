"""Weights that a voice starts from, instead of random ones."""

import copy
from collections.abc import Mapping
from pathlib import Path

from toktts.errors import ModelError
from toktts.inference.loading import load_model
from toktts.models._base import ToktsModel
from toktts.models._with_codec import CODEC_FOLDER


def load_weights(
    folder: Path, *, like: ToktsModel, n_text_ids: int, options: Mapping[str, object] | None = None
) -> ToktsModel:
    """Load a voice to go on teaching, one that reads the same text ids.

    Args:
        folder: of a run, or a checkpoint in one.
        like: a new model of what the config asks for; its sizes do not matter.
        n_text_ids: of the tokenizer.
        options: of the model, laid over those the voice has, as another `dropout`.
    Raises:
        ModelError: it cannot be loaded, is of another family, vocabulary or codec, or its weights do not fit an option.
    """
    model = load_model(folder)
    pairs = {
        "family": (_family(model), _family(like)),
        "number of text ids": (model.config.text_vocab_size, n_text_ids),
        "number of codebooks": (model.config.n_codebooks, like.config.n_codebooks),
        "codes a codebook": (model.config.codebook_size, like.config.codebook_size),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise ModelError(f"has {name} {found}, the config asks for {expected}; change one of them", file=folder)
    if (folder / CODEC_FOLDER).is_dir() and model.codec.identity != like.codec.identity:
        raise ModelError(
            f"learned the features of {model.codec.identity!r}, those of the config's codec are "
            f"{like.codec.identity!r}; name its own codec, or one tuned from that",
            file=folder,
        )
    changed = {name: value for name, value in (options or {}).items() if getattr(model.config, name) != value}
    return _with_options(model, changed, folder) if changed else model


def _with_options(model: ToktsModel, changed: Mapping[str, object], folder: Path) -> ToktsModel:
    settings = copy.deepcopy(model.config)
    for name, value in changed.items():
        setattr(settings, name, value)
    result, weights = type(model)(settings), model.state_dict()
    found = {name: tensor.shape for name, tensor in result.state_dict().items()}
    if found != {name: tensor.shape for name, tensor in weights.items()}:
        keys = ", ".join(f"model.options.{name}" for name in changed)
        raise ModelError(f"its weights do not fit {keys}; leave out what sets a size", file=folder)
    result.load_state_dict(weights)
    return result


def _family(model: ToktsModel) -> str:
    """Name of the family: that of its file."""
    return type(model).__module__.rpartition(".")[2]
