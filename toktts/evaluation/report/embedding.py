"""Templates, sound and pictures -> one page that asks the network for nothing."""

import base64
import io
from pathlib import Path

import soundfile
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toktts.audio import Waveform, resample

MP3_RATE = 24_000  # Hz, the nearest to ours that every browser's decoder knows


def fill_template(name: str, **values: object) -> str:
    """Fill a template of this folder; what values hold becomes text, never markup."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name).render(**values)


def mp3_uri(waveform: Waveform) -> str:
    """Put one clip into a data URI, as MP3."""
    clip = resample(waveform, MP3_RATE)
    sound = io.BytesIO()
    soundfile.write(sound, clip.samples[0].clamp(-1, 1).numpy(), MP3_RATE, format="MP3")
    return data_uri("audio/mpeg", sound.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Put a file of some MIME type into a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
