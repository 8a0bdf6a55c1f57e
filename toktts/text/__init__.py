"""str -> str: text as it is written -> text as it is read aloud; and what cannot be spoken at all."""

from toktts.text._base import Normalizer
from toktts.text._speakable import check_speakable, leave_out_unknown, unknown_characters

__all__ = ["Normalizer", "check_speakable", "leave_out_unknown", "unknown_characters"]
