"""The commands that turn a voice into one file. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import Annotated

import typer

from toktts_cli._running import Run

Voice = Annotated[Path, typer.Argument(help="A run folder.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def add_commands(app: typer.Typer, run: Run) -> None:
    """Register them.

    Args:
        app: the program.
        run: ends the process the way its other commands do.
    """

    @app.command("export-onnx")
    def export_onnx_command(
        ctx: typer.Context,
        voice: Voice,
        output: Annotated[Path, typer.Argument(help="The file, as voice.onnx.")],
        force: Force = False,
    ) -> None:
        """Write the acoustic model of a fastspeech2 voice for onnxruntime."""

        def work() -> None:
            from toktts.entry import check_place
            from toktts.errors import ModelError
            from toktts.inference.onnx_export import export_onnx

            check_place(output, ModelError, force=force)
            print(export_onnx(voice, output))

        run(ctx, work)

    @app.command("export-synthesizer")
    def export_synthesizer_command(
        ctx: typer.Context,
        voice: Voice,
        output: Annotated[Path, typer.Argument(help="The file, as TTS.safetensors.")],
        force: Force = False,
    ) -> None:
        """Write model, tokenizer and codec as one file for TextToSpeechSynthesizer, and its md5 beside it."""

        def work() -> None:
            from toktts.entry import check_place
            from toktts.errors import ModelError
            from toktts.inference.synthesizer import export_synthesizer

            check_place(output, ModelError, force=force)
            print(f"md5 {export_synthesizer(voice, output).md5}  {output}")

        run(ctx, work)
