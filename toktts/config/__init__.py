"""The config: YAML files and overrides in, one frozen and checked `Config` out. Nothing here imports torch."""

from toktts.config._config import SECTIONS, Config
from toktts.config._load import load_config
from toktts.config._yaml import Origin
from toktts.config.command_line import CommandLine, command_line_parser, parse_command_line
from toktts.config.sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    InferenceSection,
    ModelSection,
    Section,
    TextSection,
    TokensSection,
    TrackingSection,
    TrainingSection,
)

__all__ = [
    "SECTIONS",
    "CodecSection",
    "CommandLine",
    "Config",
    "DataSection",
    "EvaluationSection",
    "InferenceSection",
    "ModelSection",
    "Origin",
    "Section",
    "TextSection",
    "TokensSection",
    "TrackingSection",
    "TrainingSection",
    "command_line_parser",
    "load_config",
    "parse_command_line",
]
