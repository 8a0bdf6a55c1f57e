"""A family that writes mel goes all the way: trained, evaluated, saved, and spoken with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from toy_mel import FRAMES_PER_ID, ToyMel

from toktts.audio import Waveform
from toktts.codecs._mel import LogMel
from toktts.codecs.griffin_lim import GriffinLim
from toktts.codecs.melrvq import MelRVQ
from toktts.data.bucketing import BucketBatchSampler
from toktts.data.collate import Collator
from toktts.errors import CodecError, ModelError, ToktsError
from toktts.evaluation._base import Sample
from toktts.evaluation.samples import Example
from toktts.evaluation.samples.examples import make_comparable
from toktts.evaluation.samples.writing import write_comparisons
from toktts.evaluation.token_accuracy import TokenAccuracy
from toktts.inference import pipeline
from toktts.models.toknar import Toknar
from toktts.tokens import build_tokenizer
from toktts.training.trainer import ToktsTrainer, ToktsTrainingArguments

IDS = torch.tensor([[5, 6, 7, 1], [8, 1, 0, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def toy_rows(model: ToyMel, *, prosody: bool = False) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for index in range(4):
        n_frames = 5 + index
        mel = rng.normal(-5, 1, (model.config.n_mels, n_frames)).astype(np.float16)
        row = {"id": f"clip-{index}", "input_ids": [5 + index, 6, 1], "mel": mel}
        tracks = {"pitch": np.full(n_frames, 100.0), "energy": np.ones(n_frames)} if prosody else {}
        rows.append(row | tracks)
    return rows


def train(folder: Path, model: ToyMel, *, prosody: bool = False) -> ToktsTrainer:
    rows = toy_rows(model, prosody=prosody)
    args = ToktsTrainingArguments(
        output_dir=str(folder), max_steps=30, learning_rate=0.1, report_to=[], use_cpu=True, disable_tqdm=True,
        save_strategy="no", per_device_eval_batch_size=3,
    )  # fmt: skip
    lengths = [np.shape(row["mel"])[1] for row in rows]
    trainer = ToktsTrainer(
        model,
        args,
        train_dataset=rows,
        eval_dataset=rows,
        collator=Collator(pad_token_id=0),
        batch_sampler=BucketBatchSampler(lengths, batch_size=2, seed=0),
    )
    trainer.train()
    return trainer


def test_the_trainer_fits_mel_and_reports_its_error_over_real_frames(tmp_path: Path) -> None:
    model = ToyMel.tiny()
    rows = toy_rows(model)
    trainer = train(tmp_path, model)
    scores = trainer.evaluate()
    batch = Collator(0)(rows)
    with torch.no_grad():
        mel = model(**batch).mel
    real = [mel[row, :, : np.shape(rows[row]["mel"])[1]] for row in range(len(rows))]
    gaps = [np.abs(clip.numpy() - row["mel"].astype(np.float32)) for clip, row in zip(real, rows, strict=True)]
    expected = np.concatenate([gap.ravel() for gap in gaps]).mean()
    assert scores["eval_mel_error"] == pytest.approx(expected, rel=1e-5)
    assert "eval_accuracy" not in scores
    assert expected < 1.0, "untrained it is 1.3"


@pytest.mark.parametrize("prosody", [False, True])
def test_pitch_and_energy_reach_the_model_only_if_the_rows_have_them(tmp_path: Path, prosody: bool) -> None:
    model = ToyMel.tiny(prosody=prosody)
    assert model.wants_prosody is prosody
    train(tmp_path, model, prosody=prosody)
    assert all(names == ({"pitch", "energy"} if prosody else set()) for names in model.seen)


def test_generate_gives_mel_and_the_sound_of_its_real_frames() -> None:
    model = ToyMel.tiny()
    speech = model.generate(IDS, attention_mask=MASK)
    assert speech.features.shape == (2, model.config.n_mels, 4 * FRAMES_PER_ID)
    assert [len(audio) for audio in speech.audio] == [n * FRAMES_PER_ID * model.config.codec_hop_length for n in (4, 2)]


def test_the_pipeline_speaks_with_a_mel_family_and_changes_its_energy() -> None:
    speak = pipeline(ToyMel.tiny(), tokenizer=build_tokenizer("characters"))
    plain, loud = speak("hello there"), speak("hello there", energy=2.0)
    assert plain["audio"].shape == loud["audio"].shape
    assert np.abs(plain["audio"]).sum() < 0.8 * np.abs(loud["audio"]).sum()


@pytest.mark.parametrize("control", ["pitch", "energy"])
def test_a_family_without_prosody_refuses_to_change_it(control: str) -> None:
    with pytest.raises(ModelError, match=f"{control}: toknar cannot change its {control}; leave it at 1, or use"):
        Toknar.tiny().generate(IDS[:1], **{control: 1.2})
    with pytest.raises(ModelError, match=f"{control}: must be from 0.5 to 2, got 3; change it"):
        ToyMel.tiny().generate(IDS, **{control: 3.0})


def test_codecs_of_another_kind_or_with_other_bands_are_refused() -> None:
    with pytest.raises(ModelError, match="model writes mel, codec reads codes; use another codec"):
        ToyMel.tiny().attach_codec(MelRVQ.tiny())
    with pytest.raises(ModelError, match="model writes codes, codec reads mel; use another codec"):
        Toknar.tiny().attach_codec(GriffinLim.tiny())
    codec = GriffinLim.tiny()
    codec.n_mels = 21
    with pytest.raises(ModelError, match="model expects n_mels 20, codec has 21; use the codec it was trained with"):
        ToyMel.tiny().attach_codec(codec)


def test_a_vocoder_of_another_mel_with_as_many_bands_is_refused() -> None:
    model = ToyMel.tiny()
    model.config.mel_facts = GriffinLim.tiny().log_mel.facts()
    model.attach_codec(GriffinLim.tiny())
    other = GriffinLim(LogMel(**GriffinLim.tiny().log_mel.facts() | {"f_max": 3800.0}), n_iterations=1)
    with pytest.raises(
        CodecError, match="vocoder reads mel of f_max 3800.0, it would get 4000.0; use a vocoder of that"
    ):
        model.attach_codec(other)


def test_a_mel_family_is_not_asked_for_its_likeliest_codes() -> None:
    with pytest.raises(NotImplementedError, match="ToyMel writes codes and must say"):
        ToyMel.tiny().predicted_codes(IDS, IDS)


def test_samples_of_a_mel_cache_are_heard_through_the_codec(tmp_path: Path) -> None:
    codec = GriffinLim.tiny()
    recording = Waveform(0.1 * torch.randn(640, generator=torch.Generator().manual_seed(0)), 8000)
    mel = codec.encode(recording)[0]
    rows = Dataset.from_list([{"id": "a", "text": "hello", "n_samples": 640, "mel": mel.tolist()}])
    (example,) = make_comparable(rows, [], sampling_rate=8000)
    assert torch.equal(example.codes, mel)
    for name, one in (("cached", example), ("encoded", Example(id="a", text="hello", codes=mel.half()))):
        write_comparisons(one, codec_wav=tmp_path / f"{name}.wav", real_wav=tmp_path / "real.wav", codec=codec)
        assert Waveform.load(tmp_path / f"{name}.wav").samples.shape == (1, 640)


def test_token_accuracy_says_why_it_has_no_answer_for_mel() -> None:
    mel = torch.zeros(20, 7)
    sample = Sample(speech=Waveform(torch.zeros(448), 8000), codes=mel, reference_codes=mel)
    with pytest.raises(ToktsError, match="token_accuracy: a voice that writes mel has no codes; compare its mel_error"):
        TokenAccuracy().score(sample)


def test_columns_that_a_family_does_not_learn_from_are_left_out(tmp_path: Path) -> None:
    class Plain(ToyMel):
        def forward(self, input_ids=None, attention_mask=None, labels=None):
            return super().forward(input_ids, attention_mask, labels)

    model = Plain.tiny()
    assert train(tmp_path, model, prosody=True).evaluate()["eval_mel_error"] < 1.0
