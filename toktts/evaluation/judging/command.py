"""What `toktts eval` does: judge a folder of sound as it is, or let a voice speak and judge that."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.config import load_config
from toktts.errors import ConfigError, RunFolderError, ToktsError
from toktts.evaluation._base import Metric
from toktts.evaluation.judging.folders import Originals, load_sounds, read_samples
from toktts.evaluation.judging.metrics import load_metrics
from toktts.evaluation.judging.run_facts import run_facts
from toktts.evaluation.judging.scores import (
    SCORES,
    Circumstances,
    evaluation_folder,
    fingerprint,
    sets_of,
    write_scores,
)
from toktts.evaluation.judging.sentences import LJSPEECH, SETS, ljspeech_set, sentence_set, sentences_of
from toktts.evaluation.judging.summary import judge
from toktts.evaluation.judging.verdict import ALWAYS, SOUND, Verdict
from toktts.evaluation.judging.voices import Columns, compare, find_recordings, speak
from toktts.evaluation.report import write_report
from toktts.evaluation.samples import Example
from toktts.evaluation.samples.generate import Job, corpus_examples, load_speaker
from toktts.inference import TokttsPipeline
from toktts.inference.loading import CONFIG_FILE

UNSEEN = "unseen"
N_UNSEEN, N_VOICE = 50, 8
MODEL_FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be judged, and how.

    Args:
        what: a run folder, a model's name, or a folder of NAME.wav and NAME.txt.
        sets: sentences that a voice speaks: `unseen` (held out of its corpus), `short`, `long`, `plain`, `ljspeech`.
        text: a file of sentences instead.
        ljspeech: where the words of the set `ljspeech` are, see `ljspeech_set`.
        metrics: names; None = all.
        originals: folder with recordings of the same sentences.
        voice: folder with recordings of the speaker.
        codec: the ceiling of a folder of sound; or what a voice speaks through instead of its own.
        limit: sentences of a set, at most, spread over it.
        out: what a voice says is written here; None = see `evaluation_folder`.
        seed: of the drawing of codes.
    """

    what: str
    sets: tuple[str, ...] = (UNSEEN,)
    text: Path | None = None
    ljspeech: Path | None = None
    metrics: tuple[str, ...] | None = None
    originals: Path | None = None
    voice: Path | None = None
    codec: str | None = None
    limit: int | None = None
    out: Path | None = None
    seed: int = 0


def evaluate(request: Request, *, metrics: Sequence[Metric] | None = None) -> list[Verdict]:
    """Judge, print a table for each set, and write the report of a run.

    Args:
        request: what.
        metrics: instead of loading those that the request names.
    Raises:
        ToktsError: anything the user can mend.
    """
    chosen = list(metrics) if metrics is not None else load_metrics(request.metrics)
    _check_sets(request)
    for metric in chosen:
        metric.prepare()
    with _one_thread():
        is_sound = Path(request.what).is_dir() and not Path(request.what, MODEL_FILE).exists()
        return [_judge_folder(request, chosen)] if is_sound else _judge_voice(request, chosen)


def _check_sets(request: Request) -> None:
    known = (UNSEEN, *SETS, LJSPEECH)
    unknown = [name for name in request.sets if name not in known]
    if unknown:
        raise ConfigError(f"no such set {unknown[0]!r}; choose from {', '.join(known)}", key="--sets")
    if request.text is not None and request.text.stem in known:
        raise ConfigError(
            f"{request.text} would be taken for the set {request.text.stem!r}; rename the file", key="--text"
        )
    if LJSPEECH in request.sets and request.ljspeech is None:
        raise ConfigError("has the ids of LJSpeech only; name its folder with --ljspeech", key=LJSPEECH)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Scores and real-time factors are those of one thread, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _judge_folder(request: Request, metrics: Sequence[Metric]) -> Verdict:
    folder = Path(request.what)
    originals = Originals(request.originals)
    voice = None if request.voice is None else load_sounds(request.voice)
    codec = None if request.codec is None else load_codec(request.codec)
    columns: Columns = {SOUND: []} if request.originals is None else {SOUND: [], **{name: [] for name in ALWAYS[1:]}}
    for sample in read_samples(folder, limit=request.limit):
        recording = originals.find(name=sample.id, text=sample.text)
        about = replace(sample, voice=voice)
        columns[SOUND].append(replace(about, reference=recording))
        if recording is not None:
            for name, other in compare(about, recording, codec).items():
                columns[name].append(other)
    return _verdict(folder.name or str(folder), columns, metrics)


def _judge_voice(request: Request, metrics: Sequence[Metric]) -> list[Verdict]:
    beside = Path(request.what, CONFIG_FILE)
    config = load_config([beside] if beside.is_file() else [])
    job = Job(config, request.what, Path(request.what), is_explicit=beside.is_file())
    out = request.out or _own_folder(job.run_folder, request.codec)
    pipe = load_speaker(job)
    if request.codec is not None:
        pipe.model.attach_codec(load_codec(request.codec))
    unseen, voice = _recordings(request, job, pipe, metrics)
    originals = Originals(request.originals)
    circumstances = _circumstances(request, job, pipe, metrics)
    if circumstances is not None:
        sets_of(out / SCORES, voice=circumstances.voice)  # what cannot be read is refused before anything is spoken
    verdicts = []
    for name, examples in _sentences(request, unseen).items():
        known = find_recordings(_spread(examples, request.limit), originals)
        columns = speak(
            known, out / name, pipe=pipe, voice=voice, seed=request.seed, times_model=_asks("acoustic_s", metrics)
        )
        verdicts.append(_verdict(name, columns, metrics))
        write_scores(verdicts, out / SCORES, of=circumstances)
    if request.out is None and request.codec is None:
        print(f"\nreport: {write_report(job.run_folder)}")
    return verdicts


def _own_folder(run_folder: Path, codec: str | None) -> Path:
    if not run_folder.is_dir():
        raise RunFolderError("is no folder to write into; add --out DIR", file=run_folder)
    return evaluation_folder(run_folder, codec)


def _circumstances(request: Request, job: Job, pipe: TokttsPipeline, metrics: Sequence[Metric]) -> Circumstances | None:
    """Say what is judged; None of a voice that is in no folder here, so that a change would not be seen."""
    if not job.run_folder.is_dir():
        return None
    return Circumstances(
        voice=fingerprint(job.run_folder, request.codec),
        limit=request.limit,
        seed=request.seed,
        metrics=tuple(metric.name for metric in metrics),
        run=run_facts(pipe.model, job.run_folder, job.config),
    )


def _asks(need: str, metrics: Sequence[Metric]) -> bool:
    return any(need in metric.needs for metric in metrics)


def _recordings(
    request: Request, job: Job, pipe: TokttsPipeline, metrics: Sequence[Metric]
) -> tuple[list[Example], tuple[Waveform, ...]]:
    """The sentences held out of the corpus, and recordings of the speaker, as far as they are asked for and there."""
    needs_unseen = request.text is None and UNSEEN in request.sets
    needs_voice = _asks("voice", metrics) and request.voice is None
    train: list[Example] = []
    unseen: list[Example] = []
    if needs_unseen or needs_voice:
        try:
            train, unseen = corpus_examples(
                job.config, pipe, n_train=N_VOICE, n_validation=request.limit or N_UNSEEN if needs_unseen else 0
            )
        except ToktsError as error:
            if needs_unseen:
                raise
            print(f"left out: speaker similarity, for the corpus is not there ({error})", file=sys.stderr)
    own = tuple(example.recording for example in train if example.recording is not None)
    return unseen, own if request.voice is None else load_sounds(request.voice)


def _sentences(request: Request, unseen: list[Example]) -> dict[str, list[Example]]:
    if request.text is not None:
        return {request.text.stem: sentences_of(request.text)}
    return {name: _set(name, request, unseen) for name in dict.fromkeys(request.sets)}


def _set(name: str, request: Request, unseen: list[Example]) -> list[Example]:
    if name == LJSPEECH and request.ljspeech is not None:
        return ljspeech_set(request.ljspeech)
    return unseen if name == UNSEEN else sentence_set(name)


def _spread(examples: list[Example], limit: int | None) -> list[Example]:
    """Take some sentences, spread over the set, so that each length keeps its share."""
    if limit is None or limit >= len(examples):
        return examples
    return [examples[place * len(examples) // limit] for place in range(limit)]


def _verdict(title: str, columns: Columns, metrics: Sequence[Metric]) -> Verdict:
    verdict = Verdict(title, {name: judge(samples, metrics) for name, samples in columns.items()}, metrics)
    n_sentences = max(len(judged) for judged in verdict.columns.values())
    print(f"\n{verdict.table()}\n\n{n_sentences} sentences; mean (95 % interval); failed = nothing said, or WER > 50 %")
    return verdict
