"""What `generate_samples.py` does: a voice speaks its own sentences, a text, or a file of texts."""

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from toktts import build
from toktts.config import CommandLine, Config, command_line_parser, load_config, parse_command_line
from toktts.config._load import COMMAND_LINE
from toktts.data.examples import make_examples
from toktts.errors import ConfigError, ModelError
from toktts.evaluation.report import write_report
from toktts.evaluation.samples import SAMPLES, Example, read_texts, write_dataset_samples, write_texts
from toktts.evaluation.samples.examples import make_comparable
from toktts.inference import TokttsPipeline, pipeline
from toktts.inference.loading import CONFIG_FILE, load_model, load_tokenizer
from toktts.models import ToktsModel
from toktts.models._base import CODEC_FOLDER


@dataclass(frozen=True)
class Job:
    """A command line, understood.

    Args:
        config: of the run.
        model: folder or Hub id of who speaks.
        run_folder: gets `samples/` and `report.html`.
        is_explicit: whether somebody wrote a config, here or beside the model; else the model's own settings hold.
    """

    config: Config
    model: str
    run_folder: Path
    is_explicit: bool


def main(argv: Sequence[str]) -> None:
    """Speak what the command line asks for, and print where it lies.

    Args:
        argv: the words behind the program's name.
    Raises:
        ToktsError: anything the user can mend.
    """
    command = parse_command_line(argv, parser=_parser(), needs_config=False)
    flags = command.extra
    _check_flags(flags)
    job = _understand(command)
    if flags.texts is not None:
        read_texts(Path(flags.texts), check=lambda _text: None)  # faults of the file show before the model is loaded
    pipe = load_speaker(job)
    seed = job.config.inference.seed
    if flags.texts is not None:
        texts = read_texts(Path(flags.texts), check=pipe.sentences)
        written = write_texts(texts, Path(flags.out), pipe=pipe, seed=seed)
    elif flags.text is not None:
        out = Path(flags.out) if flags.out else job.run_folder / SAMPLES / "custom"
        written = write_texts([(name_of(flags.text), flags.text)], out, pipe=pipe, seed=seed)
    else:
        out = Path(flags.out) if flags.out else job.run_folder / SAMPLES
        limit = job.config.evaluation.limit_rows
        train, validation = corpus_examples(job.config, pipe, n_train=limit, n_validation=limit)
        written = write_dataset_samples(out, train=train, validation=validation, pipe=pipe, seed=seed)
        if not flags.out:
            print(f"report: {write_report(job.run_folder)}")
    for folder in dict.fromkeys(path.parent for path in written):
        print(f"samples: {folder}")


def _parser() -> argparse.ArgumentParser:
    parser = command_line_parser(
        "generate_samples.py",
        "Speak the first evaluation.limit_rows sentences of training and of validation, or a text, or a file of texts. "
        "Without --config, the config beside the model is used; without --with-model, the run that the config names.",
    )
    parser.add_argument("--text", metavar="TEXT", help="speak this into samples/custom instead")
    parser.add_argument("--texts", metavar="FILE", help="speak its lines id|text into DIR/id.wav instead; needs --out")
    parser.add_argument("--out", metavar="DIR", help="folder for the samples; by default below the run folder")
    return parser


def _check_flags(flags: argparse.Namespace) -> None:
    if flags.text is not None and flags.texts is not None:
        raise ConfigError("--text and --texts exclude each other; leave one out", file=COMMAND_LINE)
    if flags.texts is not None and not flags.out:
        raise ConfigError("--texts needs a folder to write to; add --out DIR", file=COMMAND_LINE)


def _understand(command: CommandLine) -> Job:
    if command.files or command.yconfigs:
        config = command.load_config()
        run_folder = build.run_folder(config)
        config = build.filled_from(config, run_folder)
        return Job(config, command.with_model or str(run_folder), run_folder, is_explicit=True)
    model = command.with_model or str(build.run_folder(command.load_config()))
    beside = Path(model, CONFIG_FILE)
    config = load_config([beside] if beside.is_file() else [], overrides=command.overrides)
    return Job(config, model, Path(model), is_explicit=beside.is_file())


def load_speaker(job: Job) -> TokttsPipeline:
    """Load who speaks; what a training checkpoint leaves out comes from the config."""
    model = load_model(job.model)
    if not Path(job.model, CODEC_FOLDER).is_dir() and Path(job.model).is_dir():
        model.attach_codec(build.load_codec(job.config))
    if job.is_explicit:
        model.generation_config = build.generation(job.config, model)
    try:
        tokenizer = load_tokenizer(job.model)
    except ModelError:
        if not job.is_explicit:
            raise
        tokenizer = build.tokenizer(job.config)
    return pipeline(model, tokenizer=tokenizer, normalizer=build.normalizer(job.config))


def corpus_examples(
    config: Config, pipe: TokttsPipeline, *, n_train: int, n_validation: int
) -> tuple[list[Example], list[Example]]:
    """Give the first sentences of both splits, divided as training divides them.

    Args:
        config: names the corpus.
        pipe: who is to speak them.
        n_train: sentences of training, at most.
        n_validation: of validation.
    Raises:
        CorpusError: the corpus cannot be used.
    """
    corpus, codec = build.open_corpus(config), build.load_codec(config)
    model: ToktsModel = pipe.model
    with tqdm(desc="encoding the corpus", unit="clip", disable=None, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        cache = build.token_cache(config, corpus, codec, prosody=model.wants_prosody, on_progress=show)
    examples = make_examples(
        cache.load(),
        normalizer=pipe.normalizer,
        tokenizer=pipe.tokenizer,
        text_limit=model.config.text_limit,
        frames_per_id=model.config.frames_per_text_id,
        takes_durations=model.config.takes_durations,
        frame_rate=build.whole_clip_rate(config, codec),
    )
    splits = build.split(config, sorted(set(examples.rows["id"])))
    limits = (n_train, n_validation)
    chosen = [examples.of(ids[:n], with_copies=False) for ids, n in zip(splits, limits, strict=True)]
    mono = build.clip_settings(config).mono
    train, validation = (make_comparable(rows, corpus, sampling_rate=codec.sampling_rate, mono=mono) for rows in chosen)
    return train, validation


def name_of(text: str) -> str:
    """Make a file name of a text, the same one for the same text and another for any other.

    >>> name_of("Hello, friend!")
    'hello-friend-3d662cce'
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join([*words, digest]) if len("-".join(words)) <= 40 else f"{'-'.join(words)[:40]}-{digest}"
