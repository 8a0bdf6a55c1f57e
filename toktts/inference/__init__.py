"""Text -> sound: the pipeline, and one text into one file."""

from toktts.inference.pipeline import Speech, TokttsPipeline, pipeline
from toktts.inference.say import as_waveform, say
from toktts.inference.voices import bundled_voice, default_voice

__all__ = ["Speech", "TokttsPipeline", "as_waveform", "bundled_voice", "default_voice", "pipeline", "say"]
