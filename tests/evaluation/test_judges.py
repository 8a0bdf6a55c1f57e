import hashlib
import itertools
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from toktts.audio import Waveform
from toktts.data.corpora._base import tiny_clip
from toktts.errors import MissingPackageError
from toktts.evaluation import _hearing, _packages
from toktts.evaluation._base import Sample
from toktts.evaluation._hearing import Transcriber, join_weights
from toktts.evaluation._pairing import warp
from toktts.evaluation._sound import speech_part
from toktts.evaluation._speaker import PLACES, SpeakerEncoder
from toktts.evaluation.mos import MeanOpinionScore
from toktts.evaluation.speaker_similarity import SpeakerSimilarity

INSTALL = "install the judges with scripts/install_extras evaluation"


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("faster_whisper", "distillmos", "resemblyzer", *_hearing.PARTS):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("nothing_installed")
def test_an_absent_package_is_one_line_with_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(MissingPackageError, match=f"faster-whisper: is not installed .*; {INSTALL}"):
        Transcriber(cache_dir=tmp_path).load()
    with pytest.raises(MissingPackageError, match=f"distillmos: is not installed .*; {INSTALL}"):
        MeanOpinionScore().prepare()
    with pytest.raises(MissingPackageError, match=f"resemblyzer: is not installed; {INSTALL}"):
        SpeakerSimilarity().prepare()


@pytest.mark.usefixtures("nothing_installed")
def test_silence_is_judged_without_any_package() -> None:
    silence = Waveform(torch.zeros(8000), 24_000)
    assert Transcriber()(silence) == ""
    score = MeanOpinionScore().score(Sample(speech=silence))
    assert score is not None
    assert score.value == 1.0


def test_the_stand_in_for_torchaudio_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            seen.append("torchaudio" in sys.modules)
            print("weights loaded")

        def forward(self, samples: torch.Tensor) -> torch.Tensor:
            return samples.abs().max() * 0 + 4.5

    package = types.ModuleType("distillmos")
    package.ConvTransformerSQAModel = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "distillmos", package)
    before = "torchaudio" in sys.modules
    score = MeanOpinionScore().score(Sample(speech=tiny_clip(0)))
    assert score is not None
    assert score.value == 4.5
    assert seen == [True]
    assert ("torchaudio" in sys.modules) == before


@pytest.fixture
def halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    paths = []
    for number, (module, name) in enumerate(_hearing.PARTS.items()):
        data = tmp_path / "site" / module / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("", encoding="utf-8")
        (data / name).write_bytes(bytes([number]) * 10)
        paths.append(data / name)
    for name in _hearing.SMALL_FILES:
        paths[0].with_name(name).write_text(name, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for module in _hearing.PARTS:
        sys.modules.pop(module, None)
    return paths


def test_the_halves_of_the_weights_are_joined_once(
    halves: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = b"\0" * 10 + b"\1" * 10
    monkeypatch.setattr(_hearing, "MODEL_SHA256", hashlib.sha256(whole).hexdigest())
    folder = join_weights(tmp_path / "cache" / "whisper-base")
    assert (folder / "model.bin").read_bytes() == whole
    assert {path.name for path in folder.iterdir()} == {"model.bin", *_hearing.SMALL_FILES}
    halves[1].write_bytes(b"\2" * 10)
    assert (join_weights(folder) / "model.bin").read_bytes() == whole


@pytest.mark.usefixtures("halves")
def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingPackageError, match=f"weights are damaged; {INSTALL}"):
        join_weights(tmp_path / "whisper-base")
    assert not (tmp_path / "whisper-base").exists()


def test_other_weights_of_the_speaker_encoder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pretrained.pt"
    path.write_bytes(b"not these")
    monkeypatch.setattr("toktts.evaluation._speaker.package_file", lambda *_, **__: path)
    with pytest.raises(MissingPackageError, match=r"resemblyzer: weights are not those of 0.1.4"):
        SpeakerEncoder.load()


def test_every_tensor_of_the_speaker_encoder_has_a_place_of_its_own() -> None:
    tensors = SpeakerEncoder().state_dict()
    assert tensors.keys() == PLACES.keys()
    spans = sorted((PLACES[name], PLACES[name] + 4 * tensor.numel()) for name, tensor in tensors.items())
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_who_speaks_does_not_depend_on_level_or_silence_around() -> None:
    torch.manual_seed(0)
    encoder = SpeakerEncoder().eval()
    samples = tiny_clip(1, sampling_rate=16_000).samples[0]
    padded = torch.nn.functional.pad(samples, (3200, 3200))
    # The level is taken before the silence is cut, so only the direction is compared, and coarsely.
    assert torch.allclose(encoder(samples), encoder(0.01 * samples), atol=1e-4)
    assert torch.allclose(encoder(samples), encoder(padded), atol=1e-2)
    assert float(encoder(samples).norm()) == pytest.approx(1.0, abs=1e-5)


def test_packages_are_found_without_running_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "rough_judge"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    (folder / "weights").write_bytes(b"1")
    monkeypatch.syspath_prepend(tmp_path)
    assert _packages.package_file("rough_judge", "weights", package="rough").read_bytes() == b"1"
    with pytest.raises(MissingPackageError, match="rough: is not installed"):
        _packages.package_file("rough_judge", "others", package="rough")


def test_silence_around_speech_is_cut_to_ten_milliseconds() -> None:
    speech = torch.sin(torch.arange(1600.0))
    part = speech_part(torch.nn.functional.pad(speech, (800, 3200)))
    assert torch.equal(part, speech)
    assert len(speech_part(torch.zeros(1600))) == len(speech_part(torch.zeros(0))) == 0


def slow_cost(distances: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", row: int, column: int) -> float:
    if row < 0 or column < 0:
        return float("inf")
    here = float(distances[row, column])
    if row == column == 0:
        return here
    return here + min(slow_cost(distances, row - a, column - b) for a, b in ((1, 1), (1, 0), (0, 1)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (4, 5), (5, 4)])
def test_the_path_is_the_cheapest_from_corner_to_corner(shape: tuple[int, int]) -> None:
    distances = np.random.default_rng(3).random(shape)
    rows, columns = warp(distances)
    assert distances[rows, columns].sum() == pytest.approx(slow_cost(distances, shape[0] - 1, shape[1] - 1))
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, shape[0] - 1, shape[1] - 1)
    assert {(a, b) for a, b in zip(np.diff(rows), np.diff(columns), strict=True)} <= {(0, 1), (1, 0), (1, 1)}


def test_a_recording_is_not_compared_with_itself_unless_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder = SpeakerEncoder().eval()
    for weights in encoder.parameters():
        weights.data *= 3.0
    monkeypatch.setattr(SpeakerEncoder, "load", lambda: encoder)
    one, two, again = tiny_clip(0), tiny_clip(3), tiny_clip(0)
    with_itself = SpeakerSimilarity().score(Sample(speech=one, voice=(again, two)))
    without = SpeakerSimilarity().score(Sample(speech=one, voice=(two,)))
    alone = SpeakerSimilarity().score(Sample(speech=one, voice=(again,)))
    assert with_itself == without
    assert alone is not None
    assert without is not None
    assert without.value < alone.value == pytest.approx(1.0)
