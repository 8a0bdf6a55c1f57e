"""A config whose open keys are filled: from the run that is gone on with, else by what suits the data."""

from pathlib import Path

import torch

from toktts import build
from toktts.config import Config
from toktts.training.scaling import Machine, open_keys, recommend
from toktts.training.sizes import Sound


def fit_to_data(config: Config, folder: Path, *, checkpoint: Path | None = None, is_new: bool = True) -> Config:
    """Fill the keys that a config leaves open, if it wants that, and print what was chosen.

    Args:
        config: stays as it is where `build.fits_to_data` says no.
        folder: of the run; the values of a run that lies there are taken again, whatever the data are now.
        checkpoint: to go on from; the same holds for its run.
        is_new: whether the model is; else its sizes are not chosen.
    Raises:
        ToktsError: the corpus or the codec cannot be used.
    """
    if not build.fits_to_data(config):
        return config
    given = config.given()
    family = str(given["model.family"]) if is_new else ""
    for run in [folder] if checkpoint is None else [folder, checkpoint.resolve().parents[1]]:
        config = build.filled_from(config, run, open_keys(family, given))
    return _recommended(config, family) if open_keys(family, config.given()) else config


def _recommended(config: Config, family: str) -> Config:
    codec = build.load_codec(config)
    machine = Machine(threads=torch.get_num_threads(), has_gpu=torch.cuda.is_available())
    recommendation = recommend(
        build.speech_amount(config, build.open_corpus(config)),
        family=family,
        sound=Sound(codec.frame_rate, codec.n_codebooks),
        machine=machine,
        given=config.given(),
    )
    print(recommendation)
    return config.filled(recommendation.values)
