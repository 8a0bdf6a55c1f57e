"""A voice and sentences -> what it says, what the codec makes of the recordings, and the recordings."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from toktts.audio import Waveform
from toktts.codecs._base import Codec
from toktts.errors import TextError
from toktts.evaluation._base import Sample
from toktts.evaluation.judging.folders import Originals
from toktts.evaluation.judging.verdict import CODEC, FOLDERS, ORIGINALS, VOICE
from toktts.evaluation.samples import Example
from toktts.evaluation.samples.writing import make_folder, timed_tiers, write_sample, write_speech
from toktts.inference import TokttsPipeline
from toktts.inference.resynth import round_trip

Columns = dict[str, list[Sample]]


def check_texts(examples: Sequence[Example], pipe: TokttsPipeline) -> None:
    """Refuse, before anything is spoken, a text that cannot be.

    Raises:
        TextError: with the id of the text.
    """
    for example in examples:
        try:
            pipe.sentences(example.text)
        except TextError as error:
            raise TextError(error.message, key=example.id) from error


def find_recordings(examples: Sequence[Example], originals: Originals) -> list[Example]:
    """Give sentences the recordings that a folder has of them."""
    return [
        replace(example, recording=example.recording or originals.find(name=example.id, text=example.text))
        for example in examples
    ]


def speak(
    examples: Sequence[Example],
    out: Path,
    *,
    pipe: TokttsPipeline,
    voice: tuple[Waveform, ...],
    seed: int = 0,
    times_model: bool = False,
) -> Columns:
    """Let a voice speak one sentence after the other, and put the recordings beside it, as they are and coded.

    Args:
        examples: sentences, with or without a recording.
        out: gets `voice/`, and where there are recordings `codec/` and `originals/`, with the text beside each file;
            beside the voice's also `ID.json`, where it knows what it says when.
        pipe: who speaks; its codec is the ceiling.
        voice: recordings of the speaker.
        seed: of the drawing of codes.
        times_model: whether to write each sentence once more, to see how long that takes without the way to sound.
    Returns:
        What is judged, by column; the codec's and the originals' may be empty.
    """
    check_texts(examples, pipe)
    for name in FOLDERS.values():
        if name == FOLDERS[VOICE] or any(example.recording is not None for example in examples):
            make_folder(out / name)
    if examples:
        pipe(examples[0].text, seed=seed)  # the first time is slower than all others
    tiers = timed_tiers(pipe)
    # On the CPU, what other programs take does not count.
    clock = time.process_time if pipe.device.type == "cpu" else time.perf_counter
    columns: Columns = {VOICE: [], CODEC: [], ORIGINALS: []}
    for example in tqdm(examples, desc=f"speaking into {out.name}", unit="sentence", disable=len(examples) < 2):
        start_s = clock()
        speech = pipe(example.text, seed=seed, return_timestamps=tiers)
        compute_s = clock() - start_s
        acoustic_s = _acoustic_seconds(example.text, pipe, seed=seed, clock=clock) if times_model else None
        said = Waveform.load(write_speech(_file(out, VOICE, example), speech, example.text, pipe=pipe))
        about = Sample(id=example.id, text=example.text, speech=said, voice=voice or None)
        timed = replace(about, compute_s=compute_s, acoustic_s=acoustic_s)
        columns[VOICE].append(replace(timed, reference=example.recording))
        if example.recording is not None:
            for column, sample in compare(about, example.recording, pipe.model.codec).items():
                columns[column].append(replace(sample, speech=_write(out, column, example, sample.speech)))
    return columns


@torch.inference_mode()
def _acoustic_seconds(text: str, pipe: TokttsPipeline, *, seed: int, clock: Callable[[], float]) -> float:
    """Write codes or mel once more, to see how long that takes without the way to sound."""
    batch = pipe.tokenizer(pipe.sentences(text), padding=True, return_tensors="pt").to(pipe.device)
    start_s = clock()
    pipe.model.generate(batch["input_ids"], attention_mask=batch["attention_mask"], seed=seed, output_audio=False)
    return clock() - start_s


def compare(sample: Sample, recording: Waveform, codec: Codec | None) -> dict[str, Sample]:
    """Give the codec's ceiling and the original of one sentence: what no voice on this codec can beat.

    An original is not compared with itself, so it has no reference.
    """
    found = {}
    if codec is not None:
        with torch.inference_mode():
            coded = round_trip(recording, codec)
        found[CODEC] = replace(sample, speech=coded, reference=recording, compute_s=None)
    found[ORIGINALS] = replace(sample, speech=recording, reference=None, compute_s=None)
    return found


def _write(out: Path, column: str, example: Example, waveform: Waveform) -> Waveform:
    """Write sound, and give it back as it is in the file: that is what listeners and judges hear."""
    return Waveform.load(write_sample(_file(out, column, example), waveform, example.text))


def _file(out: Path, column: str, example: Example) -> Path:
    return out / FOLDERS[column] / f"{example.id}.wav"
