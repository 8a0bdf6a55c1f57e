"""The commands that judge: a voice, or what one is to be trained on. Nothing heavy is imported before one runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from toktts_cli._running import PASS_THROUGH, Run


def add_commands(app: typer.Typer, run: Run) -> None:
    """Register them.

    Args:
        app: the program.
        run: ends the process the way its other commands do.
    """

    @app.command(name="eval")
    def eval_command(
        ctx: typer.Context,
        what: Annotated[str, typer.Argument(help="A run folder, or a folder of NAME.wav and NAME.txt.")],
        sets: Annotated[str, typer.Option(help="What a voice speaks, of unseen,short,long,plain,ljspeech.")] = "unseen",
        text: Annotated[Path | None, typer.Option(help="A file of sentences instead, one a line.")] = None,
        ljspeech: Annotated[Path | None, typer.Option(help="LJSpeech-1.1, for the words of that set.")] = None,
        metrics: Annotated[str | None, typer.Option(help="Names with commas between; all unless given.")] = None,
        originals: Annotated[Path | None, typer.Option(help="Folder with recordings of the same sentences.")] = None,
        voice: Annotated[Path | None, typer.Option(help="Folder with other recordings of the speaker.")] = None,
        codec: Annotated[
            str | None, typer.Option(help="The ceiling of a folder of sound; or what a voice speaks through instead.")
        ] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="Sentences of a set, at most.")] = None,
        out: Annotated[Path | None, typer.Option(help="Where the sound goes; RUN/evaluation unless given.")] = None,
        json: Annotated[Path | None, typer.Option(help="A file for everything that was found.")] = None,
        seed: Annotated[int, typer.Option(help="Of the drawing of codes.")] = 0,
    ) -> None:
        """Judge a voice, or a folder of sound: words heard wrong, naturalness, likeness, and how often it fails."""

        def work() -> None:
            from toktts.evaluation.judging.command import Request, evaluate
            from toktts.evaluation.judging.scores import write_scores

            request = Request(
                what=what,
                sets=_names(sets),
                text=text,
                ljspeech=ljspeech,
                metrics=None if metrics is None else _names(metrics),
                originals=originals,
                voice=voice,
                codec=codec,
                limit=limit,
                out=out,
                seed=seed,
            )
            verdicts = evaluate(request)
            if json is not None:
                write_scores(verdicts, json)

        run(ctx, work)

    @app.command("check-corpus", context_settings=PASS_THROUGH)
    def check_corpus(ctx: typer.Context) -> None:
        """Look at a voice before training on it: levels, silence, transcripts, and whether the codec knows it.

        \b
        --config FILE            as for train; again for more, later ones win
        --yconfig YAML           inline YAML over the files; again for more
        section.key=value        one value over everything else, as data.corpus=folder data.path=DIR
        --json FILE              write everything that was found, clip by clip
        --strict                 exit code 3 if anything is found
        --fine-tune FOLDER       if the codec does not know the voice, tune it to it
        --minutes N              of that training; 5 unless given
        """  # noqa: D301  (\b keeps typer from filling the lines)

        def work() -> None:
            from toktts.evaluation.corpus.command import check_corpus_command

            sys.exit(check_corpus_command(list(ctx.args)))

        run(ctx, work)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
