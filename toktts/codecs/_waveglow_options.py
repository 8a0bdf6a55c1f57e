"""What shapes a `waveglow` codec, checked."""

from dataclasses import dataclass

from toktts.errors import CodecError


@dataclass(frozen=True)
class WaveGlowOptions:
    """Everything that shapes a `WaveGlow`; the defaults are the 256-channel net for LJSpeech that NVIDIA trained.

    Args:
        sampling_rate: Hz.
        n_fft: samples a mel frame sees.
        hop_length: samples from one frame to the next, a multiple of `n_group`.
        n_mels: bands.
        f_max: highest frequency of the mel, Hz.
        upsample_kernel_size: samples that one frame reaches, at least `hop_length`.
        n_flows: steps from noise to sound.
        n_group: samples that make up one position, even.
        n_early_every: flows after which some channels are taken out as noise.
        n_early_size: how many channels, even.
        hidden_size: channels of the net in each flow, even.
        num_hidden_layers: dilated convolutions of that net.
        kernel_size: positions those see, odd.
        sigma: standard deviation of the noise to start from; less is cleaner and duller.
        denoiser_strength: how much of the hum of an empty mel is taken off every frame; 0 = nothing.
    """

    sampling_rate: int = 22_050
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 80
    f_max: float = 8000.0
    upsample_kernel_size: int = 1024
    n_flows: int = 12
    n_group: int = 8
    n_early_every: int = 4
    n_early_size: int = 2
    hidden_size: int = 256
    num_hidden_layers: int = 8
    kernel_size: int = 3
    sigma: float = 0.75
    denoiser_strength: float = 0.04

    def __post_init__(self) -> None:
        for name in ("sampling_rate", "n_mels", "n_flows", "n_early_every", "num_hidden_layers"):
            self._check(getattr(self, name) >= 1, name, "must be at least 1; leave it out for the default")
        for name in ("n_fft", "n_group", "hidden_size"):
            self._check(getattr(self, name) >= 2 and getattr(self, name) % 2 == 0, name, "must be even; leave it out")
        self._check(self.kernel_size >= 1 and self.kernel_size % 2 == 1, "kernel_size", "must be odd; 3 is usual")
        self._check(
            self.hop_length >= 1 and self.hop_length % self.n_group == 0,
            "hop_length",
            f"must be a multiple of n_group {self.n_group}; 256 is usual",
        )
        self._check(
            self.n_fft >= self.hop_length, "n_fft", f"must be at least hop_length {self.hop_length}; enlarge it"
        )
        self._check(
            self.upsample_kernel_size >= self.hop_length,
            "upsample_kernel_size",
            f"must be at least hop_length {self.hop_length}; four times that is usual",
        )
        self._check(
            0 < self.f_max <= self.sampling_rate / 2, "f_max", f"must be up to {self.sampling_rate / 2:g}; 8000"
        )
        self._check(self.n_early_size >= 0 and self.n_early_size % 2 == 0, "n_early_size", "must be even; 2 is usual")
        self._check(
            self.channels(self.n_flows - 1) >= 2, "n_flows", "leaves no channel to the last ones; take fewer out early"
        )
        self._check(0 <= self.sigma <= 2, "sigma", "must be 0 to 2; 0.75 is usual")
        self._check(0 <= self.denoiser_strength <= 1, "denoiser_strength", "must be 0 to 1; 0.04 is usual")

    def channels(self, flow: int) -> int:
        """Channels that a flow works on, counted from the side of the sound."""
        return self.n_group - self.n_early_size * (flow // self.n_early_every)

    def takes_out(self, flow: int) -> bool:
        """Whether channels are taken out as noise before a flow."""
        return flow > 0 and flow % self.n_early_every == 0 and self.n_early_size > 0

    def _check(self, holds: bool, name: str, message: str) -> None:
        if not holds:
            what, fix = message.split("; ")
            raise CodecError(f"{name} {what}, got {getattr(self, name)}; {fix}", key=f"codec.options.{name}")
