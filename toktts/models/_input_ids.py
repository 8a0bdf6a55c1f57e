"""Text ids as `generate` gets them: refused in one line where a model cannot read them."""

from torch import Tensor

from toktts.errors import ModelError, TextError
from toktts.models._config import ToktsConfig


def check_input_ids(input_ids: Tensor | None, config: ToktsConfig) -> Tensor:
    """Give the ids back, int64 (batch, n_input_ids), if the model can read them.

    Raises:
        ModelError: none, another shape, or ids outside the vocabulary.
        TextError: no ids, or more than the model can read.
    """
    if input_ids is None or input_ids.ndim != 2:
        came = "nothing" if input_ids is None else tuple(input_ids.shape)
        raise ModelError(f"input_ids must be (batch, n_input_ids), got {came}; call the tokenizer first")
    if input_ids.shape[1] == 0:
        raise TextError("text is empty; give at least one character")
    if input_ids.shape[1] > config.text_limit:
        raise TextError(f"text has {input_ids.shape[1]} ids, the model reads at most {config.text_limit}; split it")
    lowest, highest = int(input_ids.min()), int(input_ids.max())
    if lowest < 0 or highest >= config.text_vocab_size:
        raise ModelError(
            f"input_ids must lie in [0, {config.text_vocab_size}), got {lowest} to {highest}; "
            "use the tokenizer saved with the model"
        )
    return input_ids
