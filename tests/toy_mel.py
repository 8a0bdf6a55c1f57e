"""A family that writes mel, as small as can be: every text id says three frames."""

from typing import Self

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import GenerationConfig

from toktts.codecs.griffin_lim import GriffinLim
from toktts.models import MelOutput, Synthesis, ToktsConfig, ToktsModel
from toktts.models._generation import energy_of

FRAMES_PER_ID = 3


@strict
class ToyMelConfig(ToktsConfig):
    """Mel only; `prosody` asks for pitch and energy in the batches."""

    model_type = "toymel"
    feature: str = "mel"
    prosody: bool = False

    @property
    def wants_prosody(self) -> bool:
        return self.prosody


class ToyMel(ToktsModel):
    """An embedding a text id, repeated; `energy` lifts all bands."""

    is_autoregressive = False
    can_change_prosody = True
    config_class = ToyMelConfig
    config: ToyMelConfig

    def __init__(self, config: ToyMelConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.text_vocab_size, config.n_mels)
        self.post_init()
        self.seen: list[set[str]] = []

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,  # noqa: ARG002
        labels: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        durations: Tensor | None = None,
        speaker_ids: Tensor | None = None,
    ) -> MelOutput:
        assert input_ids is not None
        assert labels is not None
        given = {"pitch": pitch, "energy": energy, "durations": durations, "speaker_ids": speaker_ids}
        self.seen.append({name for name, value in given.items() if value is not None})
        frames = torch.arange(labels.shape[2]) // FRAMES_PER_ID
        mel = self.embedding(input_ids)[:, frames.clamp(max=input_ids.shape[1] - 1)].transpose(1, 2) - 5
        is_real = labels != -100
        loss = (mel - labels).abs()[is_real].mean()
        return MelOutput(loss=loss, mel=mel)

    def synthesize(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        generation: GenerationConfig,
        seed: int | None = None,  # noqa: ARG002
    ) -> Synthesis:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mel = self.embedding(input_ids).repeat_interleave(FRAMES_PER_ID, dim=1).transpose(1, 2) - 5
        mel = mel + torch.tensor(energy_of(generation)).log()
        return Synthesis(mel, mask.sum(dim=1) * FRAMES_PER_ID, ["eos"] * len(mel))

    def default_generation(self) -> GenerationConfig:
        return GenerationConfig(max_new_tokens=100, do_sample=False, pad_token_id=0)

    @property
    def generation_limit(self) -> int:
        return 1000

    @classmethod
    def tiny(cls, **options: object) -> Self:
        codec = GriffinLim.tiny()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = cls(
                ToyMelConfig(
                    codec_sampling_rate=codec.sampling_rate,
                    codec_hop_length=codec.hop_length,
                    n_mels=codec.n_mels,
                    **options,
                )
            )
        model.train(mode=False)
        return model.attach_codec(codec)
