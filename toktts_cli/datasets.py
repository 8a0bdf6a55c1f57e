"""The commands that turn recordings into features with durations. As in `toktts_cli`, nothing heavy before one runs."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toktts_cli._running import PASS_THROUGH, Run

if TYPE_CHECKING:
    from toktts.config import Config

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class AlignerName(StrEnum):
    """Who looks for the phonemes."""

    auto = "auto"
    mfa = "mfa"
    pocketsphinx = "pocketsphinx"


Source = Annotated[str, typer.Argument(help="A config, or a folder or tar archive of recordings with transcripts.")]
Folder = Annotated[Path, typer.Argument(help="The data set: {speaker}/NAME.wav and NAME.lab.")]
WhichAligner = Annotated[AlignerName, typer.Option("--aligner", help="auto takes mfa if it is installed.")]


def add_commands(app: typer.Typer, run: Run) -> None:
    """Register the four commands.

    Args:
        app: the program.
        run: ends the process the way its other commands do.
    """

    @app.command("prepare-dataset", context_settings=PASS_THROUGH)
    def prepare_dataset(ctx: typer.Context, source: Source, folder: Folder) -> None:
        """Write sound and transcripts as forced aligners want them; behind the words, section.key=value."""
        run(ctx, lambda: prepare(source, folder, ctx.args))

    @app.command("align-dataset", context_settings=PASS_THROUGH)
    def align_dataset(ctx: typer.Context, folder: Folder, aligner: WhichAligner = AlignerName.auto) -> None:
        """Find out who says what when, where no TextGrid says so."""
        run(ctx, lambda: align(folder, aligner.value, ctx.args))

    @app.command("create-dataset", context_settings=PASS_THROUGH)
    def create_dataset(ctx: typer.Context, folder: Folder) -> None:
        """Make features, durations, pitch and energy of an aligned data set; codec.name_or_path=NAME names another."""
        run(ctx, lambda: create(folder, ctx.args))

    @app.command("make-dataset", context_settings=PASS_THROUGH)
    def make_dataset(
        ctx: typer.Context, source: Source, folder: Folder, aligner: WhichAligner = AlignerName.auto
    ) -> None:
        """Prepare, align and create, one after the other; run again, it goes on where it stopped."""

        def work() -> None:
            prepare(source, folder, ctx.args)
            align(folder, aligner.value, ctx.args)
            create(folder, ctx.args)

        run(ctx, work)


def prepare(source: str, folder: Path, overrides: Sequence[str]) -> None:
    """Step one, of a config or a folder."""
    from toktts import build
    from toktts.data.steps.prepare import prepare_dataset

    config = _source_config(source, folder, overrides)
    report = prepare_dataset(
        build.open_corpus(config),
        folder,
        normalizer=build.normalizer(config),
        max_seconds=config.data.max_seconds,
        mono=config.data.mono,
        max_rejected_fraction=config.data.max_rejected_fraction,
    )
    print(report.line(folder), flush=True)


def align(folder: Path, aligner: str, overrides: Sequence[str]) -> None:
    """Step two."""
    from toktts import build
    from toktts.config import load_config
    from toktts.data.steps.align import align_dataset

    config = load_config([], overrides=list(overrides))
    report = align_dataset(
        folder,
        normalizer=build.normalizer(config),
        aligner=aligner,  # type: ignore[arg-type]  # checked there
        language=config.data.language,
        lexicon=config.tokens.lexicon,
        max_rejected_fraction=config.data.max_rejected_fraction,
    )
    print(report.line(folder), flush=True)


def create(folder: Path, overrides: Sequence[str]) -> None:
    """Step three."""
    from dataclasses import replace

    from toktts import build
    from toktts.config import load_config
    from toktts.data.encoding import Arrangement
    from toktts.data.steps.create import METADATA_FILE, create_dataset

    config = load_config([], overrides=["codec.name_or_path=griffin_lim", *overrides])
    cache = create_dataset(
        folder,
        build.load_codec(config),
        settings=replace(build.clip_settings(config), prosody=True),
        cache_dir=config.data.cache_dir,
        arrangement=Arrangement(workers=config.data.workers or 1),
        shard_rows=config.data.shard_rows,
        max_rejected_fraction=config.data.max_rejected_fraction,
    )
    left_out = f", {len(cache.rejected)} left out" if cache.rejected else ""
    print(f"create: {cache.n_clips} clips{left_out}, {folder / METADATA_FILE}, features in {cache.folder}")
    print(f"train with data.corpus=textgrid data.path={folder} tokens.tokenizer=symbols360")


def _source_config(source: str, folder: Path, overrides: Sequence[str]) -> "Config":
    """The config that is named, or one for a folder or an archive of recordings."""
    from toktts.config import load_config

    path = Path(source)
    if path.name.endswith(ARCHIVES):
        path = _unpacked(path, folder)
    if not path.is_dir():
        return load_config([source], overrides=list(overrides))
    return load_config([], overrides=[f"data.corpus={_kind(path)}", f"data.path={path}", *overrides])


def _unpacked(archive: Path, folder: Path) -> Path:
    """Unpack recordings once, below the data set where no speaker is looked for."""
    from toktts.data.unpack import root_of, unpack_tar

    target = folder / "_source"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unpack_tar(archive, target, root=root_of(archive))
    return target


def _kind(path: Path) -> str:
    """Which corpus lies in a folder."""
    from toktts.errors import CorpusError

    names = {entry.name for entry in path.iterdir()}
    if "metadata.csv" in names and "wavs" in names and "corpus.yaml" not in names:
        return "ljspeech"
    if {"metadata.csv", "metadata.tsv"} & names:
        return "folder"
    if any(name.endswith(".json") for name in names):
        return "aligned_json"
    raise CorpusError(
        "holds no metadata.csv; write one, name a config, or run align-dataset if NAME.lab is beside NAME.wav",
        file=path,
    )
