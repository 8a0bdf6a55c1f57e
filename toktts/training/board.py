"""What the model says while it learns, to be heard and seen on TensorBoard beside the curves."""

from pathlib import Path
from typing import Any

import matplotlib.image
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback

from toktts.audio import Waveform


class SamplesOnBoard(TrainerCallback):
    """Shows the samples of each evaluation: sound, and a picture where one lies beside it.

    Args:
        board: the Trainer's, which writes the curves.
        samples: folder whose subfolder `step-N` holds the `NN.wav` and `NN.png` of an evaluation.
    """

    def __init__(self, board: TensorBoardCallback, samples: Path) -> None:
        self._board, self._samples = board, samples

    def on_evaluate(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the Trainer hands every event the same arguments
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Show what was spoken at this step."""
        writer: Any = self._board.tb_writer
        if writer is None:
            return
        for path in sorted((self._samples / f"step-{state.global_step}").glob("*.wav")):
            sound, name = Waveform.load(path), f"samples/{path.stem}"
            writer.add_audio(name, sound.samples[0], state.global_step, sample_rate=sound.sampling_rate)
            picture = path.with_suffix(".png")
            if picture.is_file():
                pixels: Any = matplotlib.image.imread(picture)
                writer.add_image(name, pixels, state.global_step, dataformats="HWC")
        writer.flush()


def show_samples(trainer: Trainer, samples: Path) -> None:
    """Let a trainer that reports to TensorBoard show samples there; call it when those that speak are added."""
    for callback in list(trainer.callback_handler.callbacks):
        if isinstance(callback, TensorBoardCallback):
            trainer.add_callback(SamplesOnBoard(callback, samples))
