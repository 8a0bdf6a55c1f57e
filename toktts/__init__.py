"""text-to-speech for people who train their own voices.

Importing it registers every model family with the Auto classes of transformers, so that
`transformers.pipeline("text-to-speech", model=toktts.bundled_voice())`, or one with a run folder, finds them.
"""

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.inference.pipeline import TokttsPipeline, pipeline
from toktts.inference.synthesizer import TextToSpeechSynthesizer
from toktts.inference.voices import bundled_voice
from toktts.models import register_all

__all__ = ["TextToSpeechSynthesizer", "TokttsPipeline", "Waveform", "bundled_voice", "load_codec", "pipeline"]

register_all()
