"""Refuse keys that no section has, naming the nearest one, what an older name is now, or where a secret belongs."""

from collections.abc import Collection, Mapping

from toktts.config._checks import nearest, refuse_secret
from toktts.config._config import SECTIONS, locate
from toktts.config._training_args import known_training_args
from toktts.config._yaml import Node, type_name
from toktts.config.sections import field_types
from toktts.errors import ConfigError

MOVED: Mapping[str, str] = {
    "gcloud": "write it in a file of its own and pass that to the launcher as --cloud-config",
    "generate_samples": "rename the section to 'evaluation'",
    "generate_samples.limit_rows": "rename it to 'evaluation.limit_rows'",
    "model.decoder": "rename it to 'model.options.decoder'",
    "model.encoder": "rename it to 'model.options.encoder'",
    "prepare_data": "rename the section to 'data'",
    "prepare_data.augmentation_factor": "rename it to 'data.augmentation_copies'",
    "prepare_data.augmentation_noise": "rename it to 'data.augmentation_noise_std'",
    "prepare_data.clip_audio_secs": "rename it to 'data.clip_seconds'",
    "prepare_data.in_op_threads": "remove it, each worker uses one thread",
    "prepare_data.limit_rows": "rename it to 'data.limit_rows'",
    "prepare_data.map_workers": "rename it to 'data.workers'",
    "prepare_data.prepared_data": "use 'data.cache_dir'",
    "prepare_data.shards": "use 'data.shard_rows', rows in one shard",
    "prepare_data.split_seed": "rename it to 'data.split_seed'",
    "prepare_data.split_train_size": "rename it to 'data.train_fraction'",
    "training.args.batch_size": "did you mean 'training.args.per_device_train_batch_size'?",
    "training.args.epochs": "did you mean 'training.args.num_train_epochs'?",
    "training.args.evaluation_strategy": "did you mean 'training.args.eval_strategy'?",
    "training.args.generation_max_length": "use 'inference.max_seconds'",
    "training.args.generation_num_beams": "use 'inference.num_beams'",
    "training.args.group_by_length": "use 'training.args.train_sampling_strategy: group_by_length'",
    "training.args.lr": "did you mean 'training.args.learning_rate'?",
    "training.args.no_cuda": "use 'training.args.use_cpu'",
    "training.args.overwrite_output_dir": "use 'training.resume', or another 'training.output_dir'",
    "training.args.warmup_ratio": "use 'training.args.warmup_steps', below 1 it is a share of all steps",
    "wandb": "rename the section to 'tracking' and set 'tracking.report_to: wandb'",
    "wandb.entity": "rename it to 'tracking.entity' and set 'tracking.report_to: wandb'",
    "wandb.project": "rename it to 'tracking.project' and set 'tracking.report_to: wandb'",
}


def check_keys(root: Node) -> None:
    """Check every key of one source.

    Raises:
        ConfigError: the source or a section is no mapping, a key is unknown, or is named like a secret.
    """
    _require_mapping(root, "")
    _refuse_secrets(root, "")
    for section, node in root.children().items():
        if section not in SECTIONS:
            subkey = next(iter(node.children()), None)
            raise _unknown(node, section, subkey, SECTIONS.keys())
        if node.value is not None:
            _check_section(section, node)


def _check_section(section: str, node: Node) -> None:
    _require_mapping(node, section)
    known = field_types(SECTIONS[section])
    for name, child in node.children().items():
        if name not in known:
            raise _unknown(child, section, name, known.keys())
    args = node.children().get("args") if section == "training" else None
    for name, child in args.children().items() if args else ():
        if name not in known_training_args():
            raise _unknown(child, "training.args", name, known_training_args().keys())


def _require_mapping(node: Node, key: str) -> None:
    if not isinstance(node.value, dict):
        kind = "nothing" if node.value is None else type_name[type(node.value)]
        message = f"expected a mapping, got {kind}; write 'section:' and, indented below it, 'key: value'"
        raise ConfigError(message, file=node.origin.file, line=node.origin.line, key=key or None)


def _refuse_secrets(node: Node, path: str) -> None:
    items = node.value if isinstance(node.value, list) else ()
    for item in items:
        _refuse_secrets(item, path)
    for name, child in node.children().items():
        key = f"{path}.{name}" if path else name
        try:
            refuse_secret(name, key)
        except ConfigError as error:
            raise locate(error, {key: child.origin}) from None
        _refuse_secrets(child, key)


def _unknown(node: Node, parent: str, name: str | None, known: Collection[str]) -> ConfigError:
    """The error for `parent.name`, or for the section `parent` itself if it is not one of `known`."""
    is_section = known == SECTIONS.keys()
    key = f"{parent}.{name}" if name and (not is_section or f"{parent}.{name}" in MOVED) else parent
    place = node.children()[name].origin if is_section and name and key != parent else node.origin
    fix = MOVED.get(key) or _suggestion(parent if is_section else str(name), "" if is_section else f"{parent}.", known)
    return ConfigError(f"unknown key; {fix}", file=place.file, line=place.line, key=key)


def _suggestion(name: str, prefix: str, known: Collection[str]) -> str:
    guess = nearest(name, known)
    if guess:
        return f"did you mean '{prefix}{guess}'?"
    elsewhere = [f"{section}.{name}" for section in SECTIONS if name in field_types(SECTIONS[section])]
    if name in known_training_args():
        elsewhere.append(f"training.args.{name}")
    if elsewhere:
        return f"did you mean '{elsewhere[0]}'?"
    return f"choose one of {', '.join(sorted(known))}" if len(known) < 30 else "see config/base.yaml"
