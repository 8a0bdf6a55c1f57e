"""Character error rate."""

from toktts.evaluation._base import Score
from toktts.evaluation._hearing import HeardMetric
from toktts.evaluation._words import edit_distance, words


class CharacterErrorRate(HeardMetric):
    """Characters (and blanks) replaced, left out and put in, per hundred of the text, by what Whisper base hears."""

    title = "CER"
    unit = "%"
    higher_is_better = False
    needs = ("text",)

    def _compare(self, text: str, heard: str) -> Score | None:
        wanted = " ".join(words(text))
        if not wanted:
            return None
        return Score(100.0 * edit_distance(wanted, " ".join(words(heard))), len(wanted), {"heard": heard})
