"""Text -> sound: the pipeline, and one text into one file."""

from toktts.inference.pipeline import Speech, TokttsPipeline, pipeline
from toktts.inference.say import as_waveform, say

__all__ = ["Speech", "TokttsPipeline", "as_waveform", "pipeline", "say"]
