"""What the entry points do, once their words are sorted: train a voice or a codec, and the demo."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from toktts import build
from toktts.audio import Waveform
from toktts.audio.reading import read_clip
from toktts.codecs import Codec
from toktts.config import Config, command_line_parser, load_config, parse_command_line
from toktts.data.atomic import write_atomically
from toktts.data.corpora._base import Utterance
from toktts.data.corpora.demo import unseen_sentences
from toktts.data.splits import pick
from toktts.evaluation.judging import ErrorRateScorer
from toktts.evaluation.report import write_report
from toktts.evaluation.report.spectrogram import draw_spectrogram, figure_png
from toktts.evaluation.samples import Example, write_demo_samples, write_texts
from toktts.inference import TokttsPipeline, pipeline
from toktts.training.run import Hooks, Material, Start, is_finished, train_voice


def train_command(argv: Sequence[str]) -> None:
    """Train what the command line asks for, and say where it lies.

    Args:
        argv: the words behind `trainer.py` or `toktts train`.
    """
    parser = command_line_parser("trainer.py", "Train a voice or a codec.")
    command = parse_command_line(argv, parser=parser)
    config = command.load_config()
    _quiet()
    start = Start(model=_path(command.with_model), checkpoint=_path(command.with_checkpoint))
    if build.trains_codec(config):
        from toktts.training.codec_run import train_codec_run

        folder = train_codec_run(config, start.model, start.checkpoint)
    else:
        hooks = Hooks(at_evaluation=(_samples_writer(config),), scorers=_scorers(config))
        folder = train_voice(config, start, hooks)
    print(f"finished: {folder}")


def _quiet() -> None:
    """Leave one bar, the one of the training."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _samples_writer(config: Config) -> Callable[[Material, int], None]:
    """Speak the first validation sentences at each evaluation, into `samples/step-N/`, each with its spectrogram."""
    n_samples = build.training_plan(config).samples_per_evaluation
    folder = build.run_folder(config) / "samples"

    def write(material: Material, step: int) -> None:
        """Speak with the model as it is after `step` steps."""
        rows = material.validation.select(range(min(n_samples, len(material.validation))))
        texts = [(row["id"], row["text"]) for row in rows]
        if texts:
            pipe = TokttsPipeline(
                model=material.model, tokenizer=material.tokenizer, normalizer=build.normalizer(config)
            )
            for wav in write_texts(texts, folder / f"step-{step}", pipe=pipe):
                picture = figure_png(draw_spectrogram(Waveform.load(wav)))
                write_atomically(wav.with_suffix(".png"), picture)

    return write


def _scorers(config: Config) -> tuple[Callable[[Material], Mapping[str, float]], ...]:
    """Listen at each evaluation, if what is heard chooses the best checkpoint; what is not installed shows now."""
    if not build.chooses_by_hearing(config):
        return ()
    scorer = ErrorRateScorer()
    scorer.prepare()

    def score(material: Material) -> Mapping[str, float]:
        """Let the voice speak as it is now."""
        normalizer = build.normalizer(config)
        return scorer(TokttsPipeline(model=material.model, tokenizer=material.tokenizer, normalizer=normalizer))

    return (score,)


def demo_command(folder: Path, minutes: float) -> None:
    """Train the demo voice, or go on training it, then speak with it.

    Args:
        folder: the run folder.
        minutes: of training, at most.
    """
    config = load_config(["demo"], overrides=[f"training.output_dir={folder}", f"training.max_minutes={minutes}"])
    _quiet()
    if is_finished(folder):
        print(f"{folder} holds a trained voice already; delete it to train anew")
    else:
        train_voice(config)
    pipe = pipeline(folder)
    seen, unseen = demo_sentences(config)
    write_demo_samples(folder, seen=seen, unseen=unseen, pipe=pipe)
    report = write_report(folder)
    print(f"ten sentences of the corpus:      {folder / 'samples' / 'seen'}")
    print(f"twenty that were not in it:       {folder / 'samples' / 'unseen'}")
    print(f"all of it to look at and hear:    {report}")


def demo_sentences(config: Config) -> tuple[list[Example], list[Example]]:
    """Choose by hash of the id: sentences of the training split, and sentences that are not in the corpus."""
    corpus, codec = build.open_corpus(config), build.load_codec(config)
    utterances = {utterance.id: utterance for utterance in corpus}
    training_ids, _ = build.split(config, list(utterances))
    n_seen, n_unseen = build.demo_counts(config)
    seen = [_example(utterances[clip_id], codec) for clip_id in pick(training_ids, n_seen, seed=0)]
    texts = dict(unseen_sentences())
    return seen, [Example(id=clip_id, text=texts[clip_id]) for clip_id in pick(texts, n_unseen, seed=0)]


def _example(utterance: Utterance, codec: Codec) -> Example:
    recording = read_clip(utterance.audio, sampling_rate=codec.sampling_rate)
    with torch.inference_mode():
        codes = codec.encode(recording)[0]
    return Example(id=utterance.id, text=utterance.text, codes=codes, recording=recording)
