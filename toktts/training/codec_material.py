"""What a codec training reads before its first step: sound, features and pitch, in training and held-out segments."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm.auto import tqdm

from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.data.corpora._base import Corpus
from toktts.data.encoding import ClipSettings
from toktts.errors import ConfigError
from toktts.training.arguments import ToktsTrainingArguments
from toktts.training.codec_data import (
    CodecAudio,
    Progress,
    SegmentDataset,
    encode_audio,
    read_codec_audio,
    track_audio,
)
from toktts.training.codec_losses import SpectralDistance
from toktts.training.codec_task import KEY, CodecRecipe, CodecTask

MIN_SEGMENT_SAMPLES = 2048  # the longest window of the spectral distance
_NO_END = 10**6  # steps of a run that only time ends


def read_sound(
    corpus: Corpus,
    folder: Path,
    codec: VocoderCodec,
    recipe: CodecRecipe,
    clips: ClipSettings,
    split: Callable[[list[str]], tuple[list[str], list[str]]],
    max_rejected_fraction: float,
) -> tuple[CodecAudio, CodecAudio]:
    """Read the corpus once.

    Args:
        corpus: of any number of speakers.
        folder: run folder; clips that cannot be used are named in it.
        codec: its sampling rate and hop length count.
        recipe: how long segments are, and how much sound may be held.
        clips: how files become clips.
        split: ids -> (training, held out).
        max_rejected_fraction: share of clips that may be left out.
    Returns:
        Sound for training, and held out.
    Raises:
        ConfigError: segments too short for the losses.
        CorpusError: too much sound, or too many clips that cannot be used.
    """
    if recipe.segment_frames * codec.hop_length < MIN_SEGMENT_SAMPLES:
        raise ConfigError(
            f"{recipe.segment_frames} frames are {recipe.segment_frames * codec.hop_length} samples, the losses want "
            f"{MIN_SEGMENT_SAMPLES}; write {-(-MIN_SEGMENT_SAMPLES // codec.hop_length)} or more",
            key=f"{KEY}.segment_frames",
        )
    with _progress_bar("reading the corpus") as on_progress:
        audio = read_codec_audio(
            corpus,
            codec,
            rejected_file=folder / "rejected.jsonl",
            min_frames=recipe.segment_frames,
            max_hours=recipe.max_hours,
            clip_seconds=clips.clip_seconds,
            max_seconds=clips.max_seconds,
            mono=clips.mono,
            max_rejected_fraction=max_rejected_fraction,
            on_progress=on_progress,
        )
    training_ids, held_out_ids = split(audio.ids)
    return audio.select(training_ids), audio.select(held_out_ids)


def count_steps(args: ToktsTrainingArguments, task: CodecTask, training: CodecAudio, hop_length: int) -> int:
    """Give the steps of a run: as asked for, else until the time is over, else so many times through the corpus."""
    if args.max_steps > 0:
        return args.max_steps
    if task.max_minutes is not None:
        return _NO_END
    n_segments = sum(map(len, training.clips)) / (task.recipe.segment_frames * hop_length)
    return max(1, round(args.num_train_epochs * n_segments / _rows_per_step(args)))


def _rows_per_step(args: ToktsTrainingArguments) -> int:
    return int(args.train_batch_size * args.gradient_accumulation_steps * args.world_size)


def cut_segments(
    codec: VocoderCodec, training: CodecAudio, held_out: CodecAudio, recipe: CodecRecipe, args: ToktsTrainingArguments
) -> tuple[SegmentDataset, SegmentDataset]:
    """Encode all sound and track its pitch; give segments for training, as many as it takes, and held-out ones."""
    with _progress_bar("encoding the corpus") as on_progress:
        features = encode_audio(codec, training, on_progress=on_progress)
    with _progress_bar("tracking the pitch") as on_progress:
        tracks = track_audio(training, codec.hop_length, on_progress=on_progress)
    held_out_features, held_out_tracks = encode_audio(codec, held_out), track_audio(held_out, codec.hop_length)
    shape = {"hop_length": codec.hop_length, "segment_frames": recipe.segment_frames, "seed": args.seed}
    kind = codec.feature_kind
    n_segments = args.max_steps * _rows_per_step(args)
    return (
        SegmentDataset(training, features, tracks, n_segments=n_segments, feature_kind=kind, **shape),
        SegmentDataset(
            held_out,
            held_out_features,
            held_out_tracks,
            n_segments=recipe.held_out_segments,
            feature_kind=kind,
            **shape,
        ),
    )


@torch.no_grad()
def held_out_distance(codec: VocoderCodec, segments: SegmentDataset) -> float:
    """Mean spectral distance between segments and what the codec makes of them; see `SpectralDistance`."""
    distance = SpectralDistance(codec.sampling_rate)
    total = 0.0
    for index in range(len(segments)):
        segment = segments[index]
        total += float(distance(codec.vocode(segment[codec.feature_kind][None]), segment["samples"][None]))
    return total / len(segments)


@contextmanager
def _progress_bar(description: str) -> Iterator[Progress]:
    with tqdm(desc=description, unit="clip", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
