"""The only reader of `Config`: names and options -> objects. Everything below it takes values."""

from toktts.build._data import (
    clip_settings,
    load_codec,
    open_corpus,
    speaker_vectors,
    speech_amount,
    split,
    token_cache,
    whole_clip_rate,
)
from toktts.build._model import generation, model
from toktts.build._plan import (
    TrainingPlan,
    chooses_by_hearing,
    codec_wishes,
    demo_counts,
    filled_from,
    fits_to_data,
    model_options,
    run_folder,
    start_wish,
    training_plan,
    trains_codec,
)
from toktts.build._text import normalizer, tokenizer

__all__ = [
    "TrainingPlan",
    "chooses_by_hearing",
    "clip_settings",
    "codec_wishes",
    "demo_counts",
    "filled_from",
    "fits_to_data",
    "generation",
    "load_codec",
    "model",
    "model_options",
    "normalizer",
    "open_corpus",
    "run_folder",
    "speaker_vectors",
    "speech_amount",
    "split",
    "start_wish",
    "token_cache",
    "tokenizer",
    "training_plan",
    "trains_codec",
    "whole_clip_rate",
]
