"""A folder of sound through a codec and back: the ceiling of every voice that is built on that codec."""

import shutil
from pathlib import Path

import torch
from tqdm import tqdm

from toktts.audio import Waveform, resample
from toktts.codecs._base import Codec
from toktts.errors import AudioError


def resynthesize(in_dir: Path, out_dir: Path, *, codec: Codec, force: bool = False) -> int:
    """Encode and decode every WAV of a folder, and copy the text beside each.

    Args:
        in_dir: holds `NAME.wav`, and `NAME.txt` where the words are known.
        out_dir: gets the same names, at the codec's sampling rate and the clips' own durations; made if missing.
        codec: sound is resampled to its rate.
        force: files that exist already may be replaced.
    Returns:
        How many files were written.
    Raises:
        AudioError: no WAV in `in_dir`, one that cannot be read, or a file that exists already.
    """
    sources = _sources(in_dir)
    targets = [out_dir / source.name for source in sources]
    if out_dir.resolve() == in_dir.resolve():
        raise AudioError("would overwrite the files it reads; choose another output folder", file=out_dir)
    taken = [target for target in targets if target.exists()]
    if taken and not force:
        raise AudioError("exists already; choose another folder, or replace it with --force", file=taken[0])
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioError(f"cannot be made ({error.strerror}); choose another place", file=out_dir) from error
    for source, target in tqdm(list(zip(sources, targets, strict=True)), desc="resynthesis", unit="file"):
        round_trip(Waveform.load(source), codec).save(target)
        text = source.with_suffix(".txt")
        if text.is_file():
            shutil.copyfile(text, target.with_suffix(".txt"))
    return len(sources)


@torch.inference_mode()
def round_trip(waveform: Waveform, codec: Codec) -> Waveform:
    """Encode and decode one clip; what comes back is as long as the clip at the codec's rate."""
    clip = resample(waveform, codec.sampling_rate)
    decoded = codec.decode(codec.encode(clip))
    return Waveform(decoded.samples[:, : clip.samples.shape[1]], decoded.sampling_rate)


def _sources(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise AudioError("is not a folder; name a folder of WAV files", file=folder)
    sources = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav" and path.is_file())
    if not sources:
        raise AudioError("holds no .wav file; name a folder of WAV files", file=folder)
    return sources
