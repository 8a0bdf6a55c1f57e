"""Model families: text ids -> features. Each is a transformers PreTrainedModel whose `generate()` returns sound."""

from transformers import AutoConfig, AutoModel, AutoModelForTextToWaveform, AutoTokenizer

from toktts import registry
from toktts.models._base import CodesOutput, MelOutput, SpeechOutput, Synthesis, ToktsConfig, ToktsModel
from toktts.tokens.pronouncing import PronouncingTokenizer

__all__ = ["CodesOutput", "MelOutput", "SpeechOutput", "Synthesis", "ToktsConfig", "ToktsModel", "register_all"]


def register_all() -> None:
    """Make every family known to the Auto classes, so that the stock pipeline and `from_pretrained` find them."""
    for name in registry.available("toktts.models"):
        model_class = registry.load("toktts.models", name, ToktsModel)  # type: ignore[type-abstract]
        config_class = model_class.config_class
        AutoConfig.register(config_class.model_type, config_class, exist_ok=True)
        AutoModel.register(config_class, model_class, exist_ok=True)
        AutoModelForTextToWaveform.register(config_class, model_class, exist_ok=True)
    AutoTokenizer.register(  # type: ignore[no-untyped-call]
        ToktsConfig, tokenizer_class=PronouncingTokenizer, exist_ok=True
    )
