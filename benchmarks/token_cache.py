"""How fast and how flat: the token cache in several arrangements, next to the reference's way, in one run.

    python benchmarks/token_cache.py                     # minutes on two quiet cores
    python benchmarks/token_cache.py --small --clips 16 --lengths 20
    python benchmarks/token_cache.py --parts memory      # only how flat, with the full-size codec

Prints Markdown, and which arrangement was the fastest. The codec is an EnCodec with the shape of the real one and
random weights; the sound is seeded noise. Every arrangement runs in a process of its own and counts from the first clip
read to the last row on disk, the start of worker processes included. Ratios compare with the reference's way: row by
row in `datasets.map`, two processes.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

REFERENCE = "`map`, row by row, 2 processes"
SAMPLING_RATE = 22_050


def main() -> None:
    arguments = _arguments()
    if arguments.measure:
        print(json.dumps(MEASURES[arguments.measure](arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        from toktts.codecs._random_encodec import save_random_encodec

        save_random_encodec(folder, small=arguments.small)
        audio_s = arguments.clips * arguments.clip_seconds
        print(f"\n{arguments.clips} clips of {arguments.clip_seconds:g} s, {os.cpu_count()} CPUs\n")
        if "speed" in arguments.parts:
            _print_speed(arguments, folder, audio_s)
        if "memory" in arguments.parts:
            _print_memory(arguments, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=300, help="clips to encode")
    parser.add_argument("--clip-seconds", type=float, default=2.0, help="seconds kept of each")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--lengths", type=int, default=500, help="distinct lengths of the memory measurement")
    parser.add_argument("--parts", nargs="+", choices=["speed", "memory"], default=["speed", "memory"])
    parser.add_argument("--small", action="store_true", help="a codec of 50 thousand weights, to try the script")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--codec", help=argparse.SUPPRESS)
    return parser.parse_args()


def _print_speed(arguments: argparse.Namespace, codec: str, audio_s: float) -> None:
    reference_s = _run(arguments, codec, "reference", threads=1)["seconds"]
    print("| arrangement | seconds | times real time | speed-up | second build, s |\n|---|---|---|---|---|")
    print(f"| {REFERENCE} | {reference_s:.1f} | {audio_s / reference_s:.1f} | 1.00 | |")
    timed = {}
    for workers, threads, batch_size in product(arguments.workers, arguments.threads, arguments.batch_sizes):
        found = _run(arguments, codec, "cache", workers=workers, threads=threads, batch_size=batch_size)
        name = f"{workers} processes x {threads} threads, batches of {batch_size}"
        seconds, again_s = found["seconds"], found["again"]
        timed[f"Arrangement({workers=}, {batch_size=}, {threads=})"] = seconds
        row = (name, f"{seconds:.1f}", f"{audio_s / seconds:.1f}", f"{reference_s / seconds:.2f}", f"{again_s:.2f}")
        print("|", " | ".join(row), "|", flush=True)
    fastest = min(timed, key=timed.__getitem__)
    print(f"\nfastest: {fastest}, {reference_s / timed[fastest]:.2f} times the reference's speed", flush=True)


def _print_memory(arguments: argparse.Namespace, codec: str) -> None:
    print(f"\n| memory grown over {arguments.lengths} distinct lengths after 50 others | MB |\n|---|---|")
    for name, measure in (("reference", "reference_memory"), ("token cache", "memory")):
        print(f"| {name} | {_run(arguments, codec, measure, threads=1)['megabytes']:.0f} |", flush=True)


def _run(
    arguments: argparse.Namespace, codec: str, measure: str, *, threads: int, workers: int = 1, batch_size: int = 1
) -> dict[str, float]:
    options = {
        "--measure": measure,
        "--codec": codec,
        "--clips": arguments.clips,
        "--clip-seconds": arguments.clip_seconds,
        "--lengths": arguments.lengths,
        "--workers": workers,
        "--threads": threads,
        "--batch-sizes": batch_size,
    }
    command = [sys.executable, __file__, *(str(part) for pair in options.items() for part in pair)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _sounds(n_clips: int, seconds: float) -> Iterator[bytes]:
    """WAV files half a second longer than what is kept."""
    import numpy as np
    import soundfile

    for index in range(n_clips):
        samples = 0.3 * np.random.default_rng(index).uniform(-1, 1, round(SAMPLING_RATE * (seconds + 0.5)))
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, SAMPLING_RATE, format="WAV", subtype="PCM_16")
        yield buffer.getvalue()


def _measure_cache(arguments: argparse.Namespace) -> dict[str, float]:
    from toktts.codecs.encodec import HuggingFaceCodec
    from toktts.data.cache import build_token_cache
    from toktts.data.corpora._base import Corpus, Utterance
    from toktts.data.encoding import Arrangement, ClipSettings

    class Noise(Corpus):
        def __init__(self) -> None:
            self.sounds = list(_sounds(arguments.clips, arguments.clip_seconds))

        def __iter__(self) -> Iterator[Utterance]:
            for index, sound in enumerate(self.sounds):
                yield Utterance(f"clip-{index}", "noise", sound, "nobody", "en", "CC0-1.0", "synthetic")

        @classmethod
        def tiny(cls, path: str | os.PathLike[str]) -> "Noise":
            raise NotImplementedError

    corpus, codec = Noise(), HuggingFaceCodec.from_pretrained(arguments.codec)
    arrangement = Arrangement(
        workers=arguments.workers[0], batch_size=arguments.batch_sizes[0], threads=arguments.threads[0]
    )
    settings = ClipSettings(clip_seconds=arguments.clip_seconds)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            start = time.perf_counter()
            build_token_cache(corpus, codec, settings=settings, cache_dir=folder, arrangement=arrangement)
            seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[0], "again": seconds[1]}


def _measure_reference(arguments: argparse.Namespace) -> dict[str, float]:
    import datasets
    import soundfile
    import soxr
    import torch
    from transformers import EncodecModel

    # More threads and a fork deadlock.
    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    # `map` pickles what it calls, and an EncodecModel cannot be pickled; forked processes find it here.
    sys.modules["reference_model"] = EncodecModel.from_pretrained(arguments.codec).eval()
    n_samples = round(arguments.clip_seconds * 24_000)

    def encode(row: dict[str, bytes]) -> dict[str, list[int]]:
        model = sys.modules["reference_model"]
        samples, rate = soundfile.read(io.BytesIO(row["audio"]), dtype="float32")
        samples = soxr.resample(samples, rate, 24_000)[:n_samples]
        codes = model.encode(torch.from_numpy(samples)[None, None], bandwidth=1.5).audio_codes
        return {"labels": codes[0, 0].T.flatten().tolist()}

    with tempfile.TemporaryDirectory() as folder:
        rows = datasets.Dataset.from_dict({"audio": list(_sounds(arguments.clips, arguments.clip_seconds))})
        start = time.perf_counter()
        rows.map(
            encode,
            num_proc=2,
            remove_columns=["audio"],
            new_fingerprint="reference",
            cache_file_name=str(Path(folder, "codes.arrow")),
        )
        return {"seconds": time.perf_counter() - start}


def _measure_memory(arguments: argparse.Namespace) -> dict[str, float]:
    import torch

    from toktts.audio import Waveform
    from toktts.codecs.encodec import HuggingFaceCodec

    codec = HuggingFaceCodec.from_pretrained(arguments.codec)
    with torch.inference_mode():
        return {"megabytes": _growth(lambda n: codec.encode(Waveform(_noise(n), 24_000)), arguments.lengths)}


def _measure_reference_memory(arguments: argparse.Namespace) -> dict[str, float]:
    import torch
    from transformers import EncodecModel

    torch.set_num_threads(1)
    model = EncodecModel.from_pretrained(arguments.codec).eval()
    return {"megabytes": _growth(lambda n: model.encode(_noise(n)[None, None], bandwidth=1.5), arguments.lengths)}


def _noise(n_samples: int):
    import torch

    return 0.3 * torch.randn(n_samples, generator=torch.Generator().manual_seed(n_samples)).clamp(-3, 3)


def _growth(encode, n_lengths: int) -> float:
    """Megabytes that the process grows by while it encodes clips of 1 to 4 s, each of another length."""
    import psutil

    lengths = [
        24_000 + 72_000 * (index * 337 % (n_lengths + 50)) // (n_lengths + 50) for index in range(n_lengths + 50)
    ]
    process = psutil.Process()
    for index, n_samples in enumerate(lengths):
        if index == 50:
            before = process.memory_info().rss
        encode(n_samples)
    return (process.memory_info().rss - before) / 1e6


MEASURES = {
    "cache": _measure_cache,
    "reference": _measure_reference,
    "memory": _measure_memory,
    "reference_memory": _measure_reference_memory,
}

if __name__ == "__main__":
    main()
