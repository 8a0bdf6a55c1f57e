import math

import pytest

from toktts.config import (
    CodecSection,
    DataSection,
    InferenceSection,
    ModelSection,
    TrackingSection,
    TrainingSection,
    load_config,
)
from toktts.errors import MAX_LINE, ConfigError


def refusal(yaml_text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config([], yconfigs=[yaml_text])
    line = caught.value.one_line()
    assert len(line) <= MAX_LINE
    assert ";" in line
    return line.removeprefix("toktts: error: ")


# Unknown, old and secret keys


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("datta: {}", "--yconfig:1 datta: unknown key; did you mean 'data'?"),
        ("data: {\nworker: 2}", "--yconfig:2 data.worker: unknown key; did you mean 'data.workers'?"),
        ("model: {clip_seconds: 2}", "model.clip_seconds: unknown key; did you mean 'data.clip_seconds'?"),
        ("learning_rate: 1", "learning_rate: unknown key; did you mean 'training.args.learning_rate'?"),
        ("training: {args: {lerning_rate: 1}}", "did you mean 'training.args.learning_rate'?"),
        ("training: {args: {evaluation_strategy: steps}}", "did you mean 'training.args.eval_strategy'?"),
        ("training: {args: {evaluation_strategy: null}}", "did you mean 'training.args.eval_strategy'?"),
        ("training: {args: {min_lerning_rate: 1}}", "did you mean 'training.args.min_learning_rate'?"),
        ("text: {zzz: 1}", "text.zzz: unknown key; choose one of normalizer"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("prepare_data:\n  clip_audio_secs: 2", "--yconfig:2 prepare_data.clip_audio_secs: unknown key; rename it to"),
        ("prepare_data: {}", "prepare_data: unknown key; rename the section to 'data'"),
        ("generate_samples: {limit_rows: 1}", "rename it to 'evaluation.limit_rows'"),
        ("wandb: {project: a}", "rename it to 'tracking.project'"),
        ("model: {encoder: {n_layer: 4}}", "rename it to 'model.options.encoder'"),
        ("gcloud: {path: a}", "--cloud-config"),
        ("training: {args: {warmup_ratio: 0.1}}", "use 'training.args.warmup_steps'"),
    ],
)
def test_a_key_of_an_older_config_says_what_it_is_now(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    "yaml_text",
    [
        "tracking: {api_key: hunter2}",
        "wandb: {api_key: hunter2}",
        "model: {options: {encoder: {password: hunter2}}}",
        "model: {options: {list: [{token: hunter2}]}}",
        "training: {args: {hub_token: hunter2}}",
        "codec: {options: {HF-Token: hunter2}}",
        "tracking: {apiKey: hunter2}",
    ],
)
def test_a_secret_is_refused_and_not_repeated(yaml_text):
    line = refusal(yaml_text)
    assert "use WANDB_API_KEY" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("override", ["tracking.api_key=hunter2", "tracking.api_key=[hunter2", "wandb.token=hunter2"])
def test_a_secret_in_an_override_is_refused_and_not_repeated(override):
    with pytest.raises(ConfigError, match="use WANDB_API_KEY") as caught:
        load_config([], overrides=[override])
    assert "hunter2" not in caught.value.one_line()


def test_a_secret_is_refused_from_python_too():
    with pytest.raises(ConfigError, match="codec.options.api_key: secrets must not stand in a config"):
        CodecSection(options={"api_key": "hunter2"})


def test_words_that_only_resemble_secrets_are_allowed():
    options = {"pad_token_id": 0, "n_tokens": 3, "tokenizer": "a", "keys": 2, "bos_token": "<s>"}
    assert load_config([], overrides=[f"model.options={options}"]).model.options == options


# Types, ranges, contradictions


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("data: {language: no}", "data.language: expected text, got false; quote it"),
        ("data: {speaker: 3}", "data.speaker: expected text, got 3; quote it"),
        ("data: {speaker: ' '}", "data.speaker: text is empty"),
        ("data: {workers: yes}", "data.workers: expected a whole number, got true"),
        ("data: {workers: 2.0}", "data.workers: expected a whole number, got 2.0; write 2"),
        ("data: {workers: '2'}", "data.workers: expected a whole number, got '2'"),
        ("data: {workers: [2]}", "data.workers: expected a whole number, got a list"),
        ("data: {clip_seconds: two}", "data.clip_seconds: expected a number, got 'two'"),
        ("data: {mono: 1}", "data.mono: expected a known name, got 1; choose one of error, mean"),
        ("tokens: {tokenizer: byte}", "tokens.tokenizer: expected a known name, got 'byte'; did you mean 'bytes'?"),
        ("training: {resume: 1}", "training.resume: expected true or false, got 1"),
        ("model: {options: 3}", "model.options: expected a mapping, got 3"),
        ("model: {family: ../x}", "model.family: expected the name of a file"),
        ("model: {name: ../x}", "model.name: expected a name of letters"),
        (
            "tracking: {report_to: wandbb}",
            "tracking.report_to: expected a known name, got 'wandbb'; did you mean 'wandb'?",
        ),
        ("tracking: {report_to: [wandb, none]}", "tracking.report_to: holds 'none' beside another name"),
        ("training: {args: {lr_scheduler_type: cosin}}", "did you mean 'cosine'?"),
        ("training: {args: {save_strategy: no}}", "got false; choose one of no, steps, epoch, best, in quotes"),
        ("training: {args: {learning_rate: fast}}", "training.args.learning_rate: expected a number, got 'fast'"),
    ],
)
def test_a_wrong_type_says_what_was_expected(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "expected"),
    [
        ("data: {max_seconds: .inf}", "data.max_seconds: .inf is not a finite number"),
        ("data: {max_seconds: .nan}", "data.max_seconds: .nan is not a finite number"),
        ("data: {max_seconds: -1}", "data.max_seconds: expected 0.01 to 86400, got -1.0"),
        ("data: {max_seconds: 1e30}", "data.max_seconds: expected 0.01 to 86400, got 1e+30"),
        (f"data: {{workers: {10**30}}}", f"data.workers: {10**30} is out of range"),
        ("data: {train_fraction: 1}", "data.train_fraction: expected 0 to 1, both excluded, got 1.0"),
        ("model: {options: {size: 1e400}}", "model.options.size: 1e400 is not a finite number"),
        (f"model: {{options: {{size: {10**30}}}}}", "model.options.size: 1000000000000000000000000000000 is out of"),
        ("inference: {temperature: 0}", "inference.temperature: expected 0.01 to 100, got 0.0"),
        ("inference: {top_p: 0}", "inference.top_p: expected 0.001 to 1, got 0.0"),
        ("inference: {top_k: -1}", "inference.top_k: expected 1 to 1000000, got -1"),
        ("inference: {num_beams: 1000000}", "inference.num_beams: expected 1 to 64, got 1000000"),
        ("training: {args: {per_device_train_batch_size: 0}}", "expected 1 to 1000000, got 0"),
        (
            "training: {args: {save_steps: 0}}",
            "training.args.save_steps: expected 0 to 1000000000, both excluded, got 0",
        ),
        ("training: {args: {learning_rate: -1e-4}}", "training.args.learning_rate: expected 0 to 10, both excluded"),
        ("training: {args: {max_steps: 0}}", "training.args.max_steps: expected 1 to 1000000000, got 0"),
        ("training: {args: {lr_decay_steps: 0}}", "training.args.lr_decay_steps: expected 1 to 1000000000, got 0"),
    ],
)
def test_a_number_out_of_range_is_named_with_its_range(yaml_text, expected):
    assert expected in refusal(yaml_text)


@pytest.mark.parametrize(
    ("yaml_text", "first", "second"),
    [
        ("data: {clip_seconds: 40}", "data.clip_seconds", "data.max_seconds"),
        ("data: {corpus: huggingface}", "data.corpus", "data.name"),
        ("data: {corpus: huggingface, name: a/b, path: c}", "data.corpus", "data.path"),
        ("data: {corpus: ljspeech, name: a/b}", "data.name", "data.corpus"),
        ("data: {corpus: folder}", "data.corpus", "data.path"),
        ("data: {augmentation_copies: 2, augmentation_noise_std: 0}", "data.augmentation_copies", "noise_std"),
        ("inference: {do_sample: false, temperature: 0.5}", "inference.temperature", "inference.do_sample"),
        ("inference: {do_sample: false, top_k: 5}", "inference.top_k", "inference.do_sample"),
        ("inference: {guidance_scale: 1.5}", "inference.guidance_scale", "model.options.text_dropout"),
        ("inference: {refinement_steps: 2}", "inference.refinement_steps", "model.options.refinement"),
        ("{model: {start_from: a}, training: {kind: codec}}", "model.start_from", "training.kind"),
        ("training: {args: {bf16: true, fp16: true}}", "training.args.fp16", "training.args.bf16"),
        ("training: {args: {min_learning_rate: 1}}", "training.args.min_learning_rate", "training.args.learning_rate"),
        ("training: {args: {warmup_steps: 9, lr_decay_steps: 9}}", "training.args.lr_decay_steps", "args.warmup_steps"),
        ("training: {args: {load_best_model_at_end: true}}", "args.load_best_model_at_end", "args.eval_strategy"),
        (
            "training: {early_stopping_patience: 2, args: {eval_strategy: 'no'}}",
            "training.early_stopping_patience",
            "training.args.eval_strategy",
        ),
        ("training: {args: {output_dir: a}}", "training.args.output_dir", "training.output_dir"),
        ("training: {args: {report_to: wandb}}", "training.args.report_to", "tracking.report_to"),
    ],
)
def test_contradictory_keys_are_both_named(yaml_text, first, second):
    line = refusal(yaml_text)
    assert line.startswith(f"--yconfig:1 {first}") or first in line.split(": ")[0]
    assert second in line


def test_every_check_also_holds_for_a_config_built_in_python():
    with pytest.raises(ConfigError, match=r"^data.workers: expected 1 to 1024, got 0; choose one in that range$"):
        DataSection(workers=0)
    with pytest.raises(ConfigError, match=r"^inference.temperature: nan is out of range; choose a number"):
        InferenceSection(temperature=math.nan)
    with pytest.raises(ConfigError, match=r"^training.args.lerning_rate: unknown key"):
        TrainingSection(args={"lerning_rate": 1})
    with pytest.raises(ConfigError, match=r"^model.options.size: expected plain data, got complex; use text"):
        ModelSection(options={"size": 1j})


def test_a_whole_number_is_fine_where_any_number_is():
    assert (
        load_config([], yconfigs=["data: {clip_seconds: 2}\ntraining: {args: {learning_rate: 1}}"]).data.clip_seconds
        == 2
    )


def test_a_number_with_an_exponent_and_no_dot_is_a_number():
    config = load_config([], yconfigs=["training: {args: {learning_rate: 1e-4}}"])
    assert config.training.args == {"learning_rate": 1e-4}


def test_reporters_are_a_list_that_is_empty_for_none():
    assert TrackingSection().reporters == []
    assert load_config([], overrides=["tracking.report_to=[wandb, tensorboard]"]).tracking.reporters == [
        "wandb",
        "tensorboard",
    ]


def test_an_unknown_variable_in_a_path_is_an_error(monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    assert "data.path: '$NOWHERE/x' names an unknown user or variable; write the path out" in refusal(
        "data: {path: $NOWHERE/x}"
    )
