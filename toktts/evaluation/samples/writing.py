"""Texts -> sound files with the text beside each, and beside them what a listener compares with."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from toktts.alignment.json_file import write_json
from toktts.audio import Waveform
from toktts.codecs._base import Codec
from toktts.data.atomic import write_atomically
from toktts.data.corpora._base import check_id
from toktts.data.metadata import read_lines
from toktts.errors import CorpusError, RunFolderError, TextError
from toktts.inference import Speech, TokttsPipeline, as_waveform
from toktts.inference.timestamps import Tier, tiers_of

SAMPLES = "samples"
CODEC_SUFFIX, REAL_SUFFIX = "_ref", "_real"
CHUNK = 16  # texts between two looks at the disk

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A sentence of a corpus.

    Args:
        id: safe as a file name.
        text: what is said.
        codes: the codec's features of the recording, int64 (n_codebooks, n_frames) or float mel (n_mels, n_frames);
            None = not known.
        recording: one clip, the person (or machine) that is imitated; None = not known.
    """

    id: str
    text: str
    codes: Tensor | None = None
    recording: Waveform | None = None


def read_texts(path: Path, *, check: Callable[[str], object]) -> list[tuple[str, str]]:
    """Read lines `id|text`.

    Args:
        path: UTF-8, with or without a byte order mark; `|` after the first one is text.
        check: raises TextError for text that cannot be spoken.
    Returns:
        (id, text) in the order of the file.
    Raises:
        CorpusError: unreadable, empty, a line without `|`, an id that is unsafe as a file name or there already.
        TextError: text that cannot be spoken, with its line.
    """
    lines_of_ids: dict[str, int] = {}
    texts = []
    for number, line in enumerate(read_lines(path), 1):
        id_, bar, text = line.partition("|")
        if not bar:
            raise CorpusError("has no '|'; write id|text", file=path, line=number)
        check_id(id_, file=path, line=number)
        # Some file systems cannot tell A.wav from a.wav.
        first = lines_of_ids.setdefault(id_.lower(), number)
        if first != number:
            raise CorpusError(f"id {id_!r} is in line {first} already; give each its own", file=path, line=number)
        try:
            check(text)
        except TextError as error:
            raise TextError(error.message, file=path, line=number) from error
        texts.append((id_, text))
    return texts


def write_texts(texts: Sequence[tuple[str, str]], out: Path, *, pipe: TokttsPipeline, seed: int = 0) -> list[Path]:
    """Speak texts into `out/id.wav`, with `out/id.txt` beside each, and `out/id.json` where the voice knows its times.

    Files of these names are replaced; an `id.json` does not stay beside speech that it does not describe.

    Args:
        texts: (id, text); ids are unique.
        out: folder, made if missing.
        pipe: who speaks.
        seed: of the drawing of codes; each text sounds the same whichever others there are (greedy, or `tokar`).
    Returns:
        The sound files, in order.
    Raises:
        CorpusError: an id that is unsafe as a file name.
        TextError: text that cannot be spoken, with its id; nothing is written then.
        RunFolderError: `out` cannot be a folder.
    """
    for id_, text in texts:
        check_id(id_)
        try:
            pipe.sentences(text)
        except TextError as error:
            raise TextError(error.message, key=id_) from error
    make_folder(out)
    written = []
    rows = iter(texts)
    with tqdm(total=len(texts), desc=f"speaking into {out.name}", unit="text", disable=len(texts) < 2) as progress:
        while chunk := list(islice(rows, CHUNK)):
            spoken = pipe([text for _, text in chunk], seed=seed, return_timestamps=timed_tiers(pipe))
            for (id_, text), speech in zip(chunk, spoken, strict=True):
                written.append(write_speech(out / f"{id_}.wav", speech, text, pipe=pipe))
                progress.update()
    return written


def timed_tiers(pipe: TokttsPipeline) -> tuple[Tier, ...] | None:
    """All that a voice can time; None = nothing."""
    return tiers_of(pipe.tokenizer) if pipe.model.is_timed else None


def audible(speech: Speech, id_: str, pipe: TokttsPipeline) -> Waveform:
    """Turn speech into a clip; where there is none, one silent frame, so that it is scored as the failure it is."""
    if not speech["audio"].size:
        logger.warning("%s: the model made no sound; its file holds one silent frame", id_)
        return Waveform(torch.zeros(pipe.model.config.codec_hop_length), speech["sampling_rate"])
    return as_waveform(speech)


def write_speech(wav: Path, speech: Speech, text: str, *, pipe: TokttsPipeline) -> Path:
    """Write what a pipeline gave, its text beside it, and where it was timed `ID.json`: what is said when."""
    timed_file = wav.with_suffix(".json")
    timed_file.unlink(missing_ok=True)  # of what another voice said
    write_sample(wav, audible(speech, wav.stem, pipe), text)
    if "alignments" in speech:
        write_json(timed_file, speech["alignments"])
    return wav


def write_sample(wav: Path, waveform: Waveform, text: str) -> Path:
    """Write sound, and its text beside it; each file is seen whole or not at all."""
    waveform.save(wav)
    write_atomically(wav.with_suffix(".txt"), f"{text}\n".encode())
    return wav


def write_dataset_samples(
    samples: Path,
    *,
    train: Sequence[Example],
    validation: Sequence[Example],
    pipe: TokttsPipeline,
    seed: int = 0,
) -> list[Path]:
    """Speak examples of both splits into `samples/train` and `samples/validation`.

    Each gets `id.txt`, `id.wav` (generated), `id.json` (what that says when), `id_ref.wav` (its own codes through the
    codec) and `id_real.wav`.

    Args:
        samples: folder, made if missing.
        train: examples of training.
        validation: examples that were held out.
        pipe: who speaks; its codec decodes.
        seed: of the drawing of codes.
    Returns:
        The generated files.
    Raises:
        CorpusError: two examples whose files would have one name.
    """
    written = []
    for split, examples in (("train", train), ("validation", validation)):
        _check_names(examples)
        folder = samples / split
        written += write_texts([(example.id, example.text) for example in examples], folder, pipe=pipe, seed=seed)
        for example in examples:
            write_comparisons(
                example,
                codec_wav=folder / f"{example.id}{CODEC_SUFFIX}.wav",
                real_wav=folder / f"{example.id}{REAL_SUFFIX}.wav",
                codec=pipe.model.codec,
            )
    return written


def _check_names(examples: Sequence[Example]) -> None:
    names = {example.id.lower() for example in examples}
    for example in examples:
        for suffix in (CODEC_SUFFIX, REAL_SUFFIX):
            if f"{example.id}{suffix}".lower() in names:
                raise CorpusError(f"collides with the sample {example.id}{suffix}; rename it", key=example.id)


def write_comparisons(example: Example, *, codec_wav: Path, real_wav: Path, codec: Codec) -> None:
    """Write what is known of an example: its codes as sound, and its recording."""
    if example.codes is not None:
        kind = torch.long if codec.feature_kind == "codes" else torch.float32
        with torch.inference_mode():
            codec.decode(example.codes.to(kind)[None]).save(codec_wav)
    if example.recording is not None:
        example.recording.save(real_wav)


def write_demo_samples(
    run_folder: Path,
    *,
    seen: Sequence[Example],
    unseen: Sequence[Example],
    pipe: TokttsPipeline,
    seed: int = 0,
) -> list[Path]:
    """Speak numbered sentences into `samples/seen/NN.wav` and `samples/unseen/NN.wav`, `NN.txt` beside each.

    `samples/reference/NN.wav` and `samples/codec/NN.wav` are the recording of seen sentence NN and its codes as sound.
    Numbered files of an earlier call that are not replaced are removed.

    Args:
        run_folder: gets `samples/`.
        seen: sentences of training.
        unseen: sentences that were not in the corpus.
        pipe: who speaks; its codec decodes.
        seed: of the drawing of codes.
    Returns:
        The generated files.
    """
    samples = run_folder / SAMPLES
    written = []
    for name, examples in (("seen", seen), ("unseen", unseen)):
        texts = list(zip(_numbers(len(examples)), (example.text for example in examples), strict=True))
        written += write_texts(texts, samples / name, pipe=pipe, seed=seed)
        _drop_numbered(samples / name, len(examples))
    for name in ("reference", "codec"):
        make_folder(samples / name)
        _drop_numbered(samples / name, 0)
    for number, example in zip(_numbers(len(seen)), seen, strict=True):
        real_wav, codec_wav = (samples / name / f"{number}.wav" for name in ("reference", "codec"))
        write_comparisons(example, codec_wav=codec_wav, real_wav=real_wav, codec=pipe.model.codec)
        for wav in (real_wav, codec_wav):
            if wav.exists():
                write_atomically(wav.with_suffix(".txt"), f"{example.text}\n".encode())
    return written


def _numbers(n: int) -> Iterable[str]:
    width = max(2, len(str(n)))
    return [f"{number:0{width}d}" for number in range(1, n + 1)]


def _drop_numbered(folder: Path, n_kept: int) -> None:
    kept = set(_numbers(n_kept))
    for path in folder.iterdir():
        if re.fullmatch(r"\d+\.(wav|txt|json)", path.name) and path.stem not in kept:
            path.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder for samples.

    Raises:
        RunFolderError: it is a file, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot be made ({error.strerror}); choose another folder", file=folder) from error
