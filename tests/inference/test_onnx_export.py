"""A voice as ONNX says what it says in torch, for texts and batches of other sizes than it was traced with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toktts.codecs.melrvq import MelRVQ
from toktts.errors import MissingPackageError, ModelError
from toktts.inference import onnx_export
from toktts.inference.onnx_export import export_onnx
from toktts.models.fastspeech2 import FastSpeech2, FastSpeech2Config
from toktts.models.toknar import Toknar

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "reference": {
        "decoder": "attention",
        "decoder_size": 20,
        "mel_head": False,
        "norm": "post",
        "positions_added": 2,
        "head_size": 32,
        "postnet_norm": "batch",
        "pitch_spacing": "linear",
    },
    "frames": {"pitch_level": "frame", "energy_level": "none"},
    "speakers": {"n_speakers": 2, "speaker_vector_size": 3},
}


def build(**options: Any) -> FastSpeech2:
    tiny = FastSpeech2.tiny().config.to_dict()
    known = {name: tiny[name] for name in FastSpeech2Config.__dataclass_fields__ if name in tiny}
    torch.manual_seed(0)
    model = FastSpeech2(FastSpeech2Config(**(known | options))).eval()
    with torch.no_grad():
        model.duration.head.weight.mul_(4)  # type: ignore[union-attr]
    return model


def build_codes() -> FastSpeech2:
    codec = MelRVQ.tiny()
    return build(feature="codes", n_mels=0, n_codebooks=codec.n_codebooks, codebook_size=codec.codebook_size)


def inputs_of(n_rows: int, n_ids: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(n_ids)
    ids = torch.randint(3, 60, (n_rows, n_ids), generator=generator)
    lengths = torch.tensor([n_ids - row for row in range(n_rows)])
    mask = (torch.arange(n_ids) < lengths[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


def run(file: Path, inputs: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime (pip install 'toktts[onnx]')")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    assert set(inputs) == wanted
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, {name: value.numpy() for name, value in inputs.items()}), strict=True))


def needs_onnx() -> None:
    pytest.importorskip("onnx", reason="needs onnx (pip install 'toktts[onnx]')")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime (pip install 'toktts[onnx]')")


@pytest.mark.medium
@pytest.mark.parametrize("name", OPTIONS)
def test_onnx_and_torch_write_the_same_mel(name: str, tmp_path: Path) -> None:
    needs_onnx()
    model = build(**OPTIONS[name])
    file = export_onnx(model, tmp_path / "voice.onnx")
    for n_ids in (5, 20, 60):
        for n_rows in (1, 3):
            for speed, pitch, energy in ((1.0, 1.0, 1.0), (0.8, 1.3, 0.7)):
                inputs = inputs_of(n_rows, n_ids)
                controls = {"speed": speed, "pitch": pitch, "energy": energy}
                if model.config.energy_level == "none":
                    controls.pop("energy")
                inputs |= {key: torch.tensor(value) for key, value in controls.items()}
                if model.config.n_speakers:
                    inputs["speaker_ids"] = torch.arange(n_rows) % 2
                    inputs["speaker_vectors"] = torch.eye(3)[:n_rows]
                said = run(file, inputs)
                with torch.no_grad():
                    expected = onnx_export._Graph(model)(*inputs.values())
                for (key, value), truth in zip(said.items(), expected, strict=True):
                    assert value.shape == truth.shape, key
                    np.testing.assert_allclose(value, truth.numpy(), rtol=1e-4, atol=1e-4, err_msg=key)


@pytest.mark.medium
def test_the_file_says_what_generate_says(tmp_path: Path) -> None:
    needs_onnx()
    model = build()
    controls = {"speed": 1.25, "pitch": 0.9, "energy": 1.2}
    inputs = inputs_of(3, 20)
    speech = model.generate(**inputs, **controls, output_audio=False)  # type: ignore[arg-type]
    said = run(
        export_onnx(model, tmp_path / "voice.onnx"),
        inputs | {key: torch.tensor(value) for key, value in controls.items()},
    )
    assert speech.features is not None
    assert speech.n_frames is not None
    assert said["durations"].sum(axis=1).tolist() == speech.n_frames.tolist()
    for row, n_frames in enumerate(speech.n_frames.tolist()):
        expected = speech.features[row, :, :n_frames].numpy()
        np.testing.assert_allclose(said["mel"][row, :, :n_frames], expected, rtol=0, atol=1e-4)
    assert said["pitch_out"].shape == said["energy_out"].shape == (3, 20)


@pytest.mark.medium
def test_a_voice_of_codes_gives_their_logits(tmp_path: Path) -> None:
    needs_onnx()
    model = build_codes()
    inputs = inputs_of(2, 9) | {name: torch.tensor(1.0) for name in ("speed", "pitch", "energy")}
    said = run(export_onnx(model, tmp_path / "voice.onnx"), inputs)
    speech = model.generate(inputs["input_ids"], attention_mask=inputs["attention_mask"], output_audio=False)
    assert speech.features is not None
    assert speech.n_frames is not None
    for row, n_frames in enumerate(speech.n_frames.tolist()):
        codes = said["logits"].argmax(axis=3)[row, :, :n_frames]
        np.testing.assert_array_equal(codes, speech.features[row, :, :n_frames].numpy())


def test_another_family_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx (pip install 'toktts[onnx]')")
    Toknar.tiny().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is a toknar voice; only fastspeech2 can be exported"):
        export_onnx(tmp_path, tmp_path / "voice.onnx")


def test_without_onnx_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingPackageError, match=r"needs the package onnx; run: pip install 'toktts\[onnx\]'"):
        export_onnx(tmp_path, tmp_path / "voice.onnx")
