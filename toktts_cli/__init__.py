"""The console script `toktts`. Nothing of toktts or torch is imported before a command runs, so `--help` is quick."""

import importlib.metadata
import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from toktts_cli import datasets, exports, judging
from toktts_cli._running import PASS_THROUGH

# typer re-exports one leaf of its usage errors; the rest (no such command, option or argument) share its base.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="toktts",
    help="Text-to-speech from neural-codec tokens.",
    epilog="Anywhere on the line, --debug shows the traceback of an error.",
    add_completion=False,
    rich_markup_mode=None,
)
FAILED_CHECK = 3
INTERRUPTED = 130


class Unknown(StrEnum):
    """What to do about characters that a model cannot read."""

    error = "error"
    skip = "skip"


class Timestamps(StrEnum):
    """What can be timed."""

    word = "word"
    phoneme = "phoneme"
    character = "character"


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        print(installed_version())
        raise typer.Exit


def installed_version() -> str:
    """Ask the installation, which knows without importing toktts."""
    try:
        return importlib.metadata.version("toktts")
    except importlib.metadata.PackageNotFoundError:
        return "unknown: toktts is not installed"


def bundled_voice_line() -> str:
    """Describe the voice that came with toktts, without importing it."""
    spec = importlib.util.find_spec("toktts")
    folder = Path(str(spec.origin)).parent / "assets" / "voice" if spec is not None else Path()
    if not (folder / "model.safetensors").is_file():
        return "no voice came with it"
    family = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    return f"bundled voice: {family}, {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB, {folder}"


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Text-to-speech from neural-codec tokens."""


@app.command()
def version() -> None:
    """Print the version, and which voice came with it."""
    print(installed_version(), bundled_voice_line(), sep="\n")


@app.command(context_settings=PASS_THROUGH)
def train(ctx: typer.Context) -> None:
    """Train a model or a codec: the same options as trainer.py.

    \b
    --config FILE            a config, or the name of one that comes with toktts; again for more, later ones win
    --yconfig YAML           inline YAML over the files; again for more
    section.key=value        one value over everything else
    --with-model FOLDER      start from these weights
    --with-checkpoint FOLDER go on from this checkpoint
    """  # noqa: D301  (\b keeps typer from filling the lines)

    def work() -> None:
        from toktts.commands import train_command

        train_command(list(ctx.args))

    _run(ctx, work)


@app.command()
def say(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    output: Annotated[
        Path, typer.Option("--output", "--out", "-o", help="Sound file; - writes WAV to standard output.")
    ],
    model: Annotated[
        str | None, typer.Option(help="A run folder; runs/demo if it holds a voice, else the bundled one.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    unknown: Annotated[Unknown, typer.Option(help="Characters the model cannot read: refuse or leave out.")] = (
        Unknown.error
    ),
    codec: Annotated[
        str | None, typer.Option(help="Another way back to sound, as griffin_lim; the voice's own unless given.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Who of those the voice knows; the first unless given.")] = None,
    speaker_vector: Annotated[
        str | None,
        typer.Option(metavar="FILE[:NAME]", help="Vectors that say who speaks; for voices trained with some."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.5, max=2.0, help="2 = twice as fast; for voices that speak in one pass.")
    ] = None,
    pitch: Annotated[
        float | None, typer.Option(min=0.5, max=2.0, help="Factor on the pitch, for voices that learned it.")
    ] = None,
    energy: Annotated[
        float | None, typer.Option(min=0.5, max=2.0, help="Factor on the loudness, for voices that learned it.")
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(min=1.0, max=10.0, help="Above 1, follow the text more; for a tokar trained with text_dropout."),
    ] = None,
    refine: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="How often unsure codes are chosen again; for a toknar with refinement."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print what a self-check finds; exit code 3 if something is wrong.")
    ] = False,
    retries: Annotated[
        int, typer.Option(min=0, help="How often a sentence that fails its check is drawn again; for tokar.")
    ] = 0,
    fallback: Annotated[
        str | None, typer.Option(help="A toknar voice, or bundled, for sentences that fail even so; it is said which.")
    ] = None,
    timestamps: Annotated[
        list[Timestamps] | None, typer.Option(help="What --align-out times; word unless given; may come twice.")
    ] = None,
    align_out: Annotated[
        Path | None, typer.Option(help="File for what is said when: .TextGrid, .srt or .json.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Multiply in bfloat16, if the machine can.")] = False,
) -> None:
    """Speak a text into a sound file."""
    wishes: dict[str, Any] = {"force": force, "unknown": unknown.value, "self_check": check}
    wishes |= {"speed": speed, "pitch": pitch, "energy": energy, "retries": retries, "fallback": fallback}
    wishes |= {"timestamps": list(dict.fromkeys(tier.value for tier in timestamps or ())), "align_out": align_out}
    wishes |= {"guidance_scale": guidance, "refinement_steps": refine}
    wishes |= {"fast": fast, "codec": codec, "speaker": speaker, "speaker_vector": speaker_vector}
    _run(ctx, lambda: _say(text, model=model, output=output, wishes=wishes))


app.command("speak", hidden=True)(say)


@app.command()
def resynth(
    ctx: typer.Context,
    in_dir: Annotated[Path, typer.Argument(help="Folder of WAV files, with or without a .txt beside each.")],
    out_dir: Annotated[Path, typer.Argument(help="Folder for files of the same names; made if missing.")],
    codec: Annotated[str, typer.Option(help="A codec's folder, registered name or Hub name.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Send every WAV of a folder through a codec and back: how the codec alone sounds."""

    def work() -> None:
        from toktts import load_codec
        from toktts.inference.resynth import resynthesize

        n_files = resynthesize(in_dir, out_dir, codec=load_codec(codec), force=force)
        print(f"{n_files} files in {out_dir}")

    _run(ctx, work)


@app.command()
def download(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where LJSpeech-1.1 shall lie; made if missing.")],
) -> None:
    """Fetch the LJSpeech corpus (2.7 GB), check its hash and unpack it; run again, it goes on."""

    def work() -> None:
        from toktts.data.corpora.ljspeech import LJSpeech

        print(f"LJSpeech lies in {LJSpeech.download(folder)}; set data.path to it")

    _run(ctx, work)


@app.command()
def demo(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", help="The run folder.")] = Path("runs/demo"),
    minutes: Annotated[float, typer.Option(min=0.0, help="Training time, at most.")] = 10.0,
) -> None:
    """Train a small voice on the demo corpus and speak with it; run again, it goes on where it stopped."""

    def work() -> None:
        from toktts.commands import demo_command

        demo_command(output, minutes)

    _run(ctx, work)


for _part in (judging, datasets, exports):
    _part.add_commands(app, lambda ctx, work: _run(ctx, work))


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line and exit: 0 done, 2 after a fault of the user, 3 if --check failed, 130 after Ctrl-C."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    command = typer.main.get_command(app)
    try:
        # typer turns Ctrl-C into code 130, or in older versions into Abort.
        code = command.main(
            [arg for arg in args if arg != "--debug"] or ["--help"], "toktts", standalone_mode=False, obj=debug
        )
    except UsageError as error:
        print(_usage_line(error), file=sys.stderr)
        sys.exit(2)
    except typer.Abort:
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("toktts: interrupted", file=sys.stderr)
    sys.exit(code or 0)


def _say(text: str, *, model: str | None, output: Path, wishes: dict[str, Any]) -> None:
    from toktts.entry import check_output, read_argument, read_text
    from toktts.errors import ToktsError

    to_stdout = output == Path("-")
    if to_stdout and sys.stdout.isatty():
        raise ToktsError("standard output is a terminal; name a file or a pipe", key="--output")
    if not to_stdout:
        check_output(output, force=wishes["force"])
    words = read_text() if text == "-" else read_argument(text)

    from toktts.inference import default_voice
    from toktts.inference import say as speak

    if model is None:
        model = default_voice()
        print(f"toktts: the voice is {model}; --model names another", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        speech = speak(words, model=model, output=Path(folder, "speech.wav") if to_stdout else output, **wishes)
        if to_stdout:
            with open(Path(folder, "speech.wav"), "rb") as sound:
                shutil.copyfileobj(sound, sys.stdout.buffer)
    if "report" in speech and wishes["self_check"]:
        print("\n".join(speech["report"].lines), file=sys.stderr if to_stdout else sys.stdout, flush=True)
        if not speech["report"].passed:
            sys.exit(FAILED_CHECK)


def _run(ctx: typer.Context, work: Callable[[], None]) -> NoReturn:
    from toktts.entry import run_command

    run_command(work, debug=bool(ctx.obj))


def _usage_line(error: BaseException) -> str:
    """Say in one line what typer says in several: what is wrong, the nearest right one, where the help is."""
    message = " ".join(str(error.format_message()).split()).rstrip(".")  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    fix = f"see {'toktts' if context is None else context.command_path} --help"
    for nearest in (" Did you mean ", " (Possible options: "):
        if nearest in message:
            message, _, hint = message.partition(nearest)
            fix = f"did you mean {hint.rstrip('?)')}?"
    return f"toktts: error: {message.rstrip('.')}; {fix}"
