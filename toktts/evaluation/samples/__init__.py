"""A voice and texts -> sound files that a listener, or a metric, judges."""

from toktts.evaluation.samples.writing import (
    CODEC_SUFFIX,
    REAL_SUFFIX,
    SAMPLES,
    Example,
    read_texts,
    write_dataset_samples,
    write_demo_samples,
    write_texts,
)

__all__ = [
    "CODEC_SUFFIX",
    "REAL_SUFFIX",
    "SAMPLES",
    "Example",
    "read_texts",
    "write_dataset_samples",
    "write_demo_samples",
    "write_texts",
]
