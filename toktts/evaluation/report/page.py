"""A run folder -> one page that can be mailed: players, spectrograms, text, training curves, config."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toktts.audio import Waveform
from toktts.data.atomic import write_atomically
from toktts.errors import RunFolderError
from toktts.evaluation.report.curves import draw_curves, read_history
from toktts.evaluation.report.drawing import said_when
from toktts.evaluation.report.embedding import data_uri, fill_template, mp3_uri
from toktts.evaluation.report.scored import read_scored_sets
from toktts.evaluation.report.spectrogram import draw_spectrogram, figure_png
from toktts.evaluation.samples import CODEC_SUFFIX, REAL_SUFFIX, SAMPLES
from toktts.inference.loading import CONFIG_FILE

REPORT = "report.html"
TEMPLATE = "report.html.jinja"
MAX_BYTES = 12 * 2**20  # of sound and pictures, before base64 makes them a third larger
FIRST_FOLDERS = ("seen", "unseen", "train", "validation", "custom")
COMPARISON_FOLDERS = {"reference": "real", "codec": "codec only"}
NOTES = {
    "seen": "Sentences that the voice was trained on.",
    "unseen": "Sentences that the voice was not trained on.",
    "train": "Sentences that the voice was trained on.",
    "validation": "Sentences of the corpus that were held out.",
}
COLUMNS = ("real", "codec only", "generated")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Player:
    """One sound on the page.

    Args:
        audio: data URI of an MP3.
        picture: data URI of its spectrogram, a PNG.
        is_timed: whether what is said when stands below it.
        duration_s: seconds.
    """

    audio: str
    picture: str
    duration_s: float
    is_timed: bool


@dataclass(frozen=True)
class Row:
    """One sentence: its name, its text, and what is heard of it by column."""

    name: str
    text: str
    players: dict[str, Player]


@dataclass(frozen=True)
class Section:
    """One folder of samples; `n_left_out` sentences did not fit on the page."""

    title: str
    columns: list[str]
    rows: list[Row]
    n_left_out: int


def write_report(run_folder: Path) -> Path:
    """Write `report.html`, which asks the network for nothing: everything is inside, below 20 MB.

    Sound on the page is MP3, to be small; the files in `samples/` are what was made. Only what `toktts eval` judged,
    often hundreds of sentences, is played from the files beside the page.

    Args:
        run_folder: holds `samples/` or `evaluation/`, and where there are any `config.yaml` and `trainer_state.json`.
    Returns:
        The page.
    Raises:
        RunFolderError: no samples, or scores that cannot be read.
        AudioError: a sample that cannot be read.
        AlignmentError: the same of what is said in it when.
    """
    samples = run_folder / SAMPLES
    sections = list(_sections(samples)) if samples.is_dir() else []
    scored = read_scored_sets(run_folder)
    if not sections and not scored:
        raise RunFolderError("holds no samples/*/*.wav; run generate_samples.py first", file=run_folder)
    history = read_history(run_folder)
    config = run_folder / CONFIG_FILE
    page = fill_template(
        TEMPLATE,
        title=run_folder.resolve().name,
        sections=sections,
        notes=NOTES,
        scored=scored,
        curves=data_uri("image/png", figure_png(draw_curves(history))) if history else None,
        config=config.read_text(encoding="utf-8") if config.is_file() else None,
    )
    target = run_folder / REPORT
    write_atomically(target, page.encode("utf-8"))
    return target


def _sections(samples: Path) -> Iterator[Section]:
    room = MAX_BYTES
    for folder in _folders(samples):
        rows: list[Row] = []
        wavs = _generated(folder)
        for wav in wavs:
            row = _row(wav, samples)
            room -= sum(len(player.audio) + len(player.picture) for player in row.players.values()) * 3 // 4
            if room < 0:
                break
            rows.append(row)
        if len(rows) < len(wavs):
            logger.warning("%s: %d samples do not fit into the report", folder, len(wavs) - len(rows))
        columns = [column for column in COLUMNS if any(column in row.players for row in rows)]
        yield Section(folder.relative_to(samples).as_posix(), columns, rows, len(wavs) - len(rows))


def _folders(samples: Path) -> list[Path]:
    """Folders with generated samples, the usual ones first."""
    found = {wav.parent for wav in samples.rglob("*.wav") if not wav.name.startswith(".")}
    kept = [
        folder for folder in found if folder.relative_to(samples).parts[:1] not in [(n,) for n in COMPARISON_FOLDERS]
    ]
    order = {name: place for place, name in enumerate(FIRST_FOLDERS)}
    return sorted(kept, key=lambda folder: (order.get(folder.name, len(order)), folder))


def _generated(folder: Path) -> list[Path]:
    wavs = {wav for wav in folder.glob("*.wav") if not wav.name.startswith(".")}
    return sorted(wav for wav in wavs if not _is_comparison(wav, wavs))


def _is_comparison(wav: Path, wavs: set[Path]) -> bool:
    return any(
        wav.stem.endswith(suffix) and wav.with_name(f"{wav.stem.removesuffix(suffix)}.wav") in wavs
        for suffix in (CODEC_SUFFIX, REAL_SUFFIX)
    )


def _row(wav: Path, samples: Path) -> Row:
    candidates = {
        "real": wav.with_name(f"{wav.stem}{REAL_SUFFIX}.wav"),
        "codec only": wav.with_name(f"{wav.stem}{CODEC_SUFFIX}.wav"),
        "generated": wav,
    }
    if wav.parent == samples / "seen":
        candidates |= {column: samples / name / wav.name for name, column in COMPARISON_FOLDERS.items()}
    text = wav.with_suffix(".txt")
    return Row(
        name=wav.stem,
        text=text.read_text(encoding="utf-8").strip() if text.is_file() else "",
        players={column: _player(path) for column, path in candidates.items() if path.is_file()},
    )


def _player(wav: Path) -> Player:
    waveform, tiers = Waveform.load(wav), said_when(wav)
    return Player(
        audio=mp3_uri(waveform),
        picture=data_uri("image/png", figure_png(draw_spectrogram(waveform, tiers))),
        duration_s=waveform.duration_s,
        is_timed=bool(tiers),
    )
