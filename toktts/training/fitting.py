"""A config whose open keys are filled: from the run that is gone on with, else by what suits the data."""

from collections.abc import Mapping
from pathlib import Path

import torch

from toktts import build
from toktts.config import Config
from toktts.training.folder import CONFIG_FILE
from toktts.training.scaling import Machine, open_keys, recommend
from toktts.training.sizes import Sound


def fit_to_data(config: Config, folder: Path, *, checkpoint: Path | None = None, is_new: bool = True) -> Config:
    """Fill the keys that a config leaves open, if it wants that, and print what was chosen.

    Args:
        config: stays as it is where `build.fits_to_data` says no.
        folder: of the run; the values of a run that lies there are taken again, whatever the data are now. What it
            left open of model and data stays open: its weights and rows are as they are.
        checkpoint: to go on from; the same holds for its run.
        is_new: whether the model is; else its sizes are not chosen.
    Raises:
        ToktsError: the corpus or the codec cannot be used.
    """
    if not build.fits_to_data(config):
        return config
    given = config.given()
    family = str(given["model.family"])
    if not is_new:
        given |= {key: None for key in open_keys(family, given) if key.startswith("model.")}
    runs = [folder] if checkpoint is None else [folder, checkpoint.resolve().parents[1]]
    for run in runs:
        config = build.filled_from(config, run, open_keys(family, given))
    given, has_begun = given | config.given(), any((run / CONFIG_FILE).is_file() for run in runs)
    if has_begun:
        given |= {key: None for key in open_keys(family, given) if not key.startswith("training.")}
    return _recommended(config, family, given) if open_keys(family, given) else config


def _recommended(config: Config, family: str, given: Mapping[str, object]) -> Config:
    codec = build.load_codec(config)
    machine = Machine(threads=torch.get_num_threads(), has_gpu=torch.cuda.is_available())
    recommendation = recommend(
        build.speech_amount(config, build.open_corpus(config)),
        family=family,
        sound=Sound(codec.frame_rate, codec.n_codebooks),
        machine=machine,
        given=given,
    )
    print(recommendation)
    return config.filled(recommendation.values)
