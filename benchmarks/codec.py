"""How fast the bundled codec is on one core.

    python -m benchmarks.codec [--clips 20]

Speaks no word: it takes the first clips of the demo corpus through encode and decode, one thread, one clip at a time.
"""

import argparse
import time
from itertools import islice

import torch

import toktts
from toktts.audio import Waveform
from toktts.audio.reading import read_clip
from toktts.data.corpora.demo import Demo


def measure(clips: list[Waveform], name: str) -> tuple[float, float]:
    """Seconds of sound that a second of one core encodes, and decodes."""
    codec = toktts.load_codec(name)
    codec.decode(codec.encode(clips[0]))
    seconds = sum(clip.duration_s for clip in clips)
    start = time.process_time()
    codes = [codec.encode(clip) for clip in clips]
    encoded = time.process_time()
    for row in codes:
        codec.decode(row)
    return seconds / (encoded - start), seconds / (time.process_time() - encoded)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--codec", default="melrvq")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = [read_clip(row.audio, sampling_rate=24_000) for row in islice(Demo(), arguments.clips)]
    encode, decode = measure(clips, arguments.codec)
    print(f"{arguments.codec}: encode {encode:.0f}x, decode {decode:.0f}x real time of one thread (promised >= 50x)")


if __name__ == "__main__":
    main()
