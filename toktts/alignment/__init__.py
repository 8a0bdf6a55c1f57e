from toktts.alignment.alignment import Alignment, Span, concatenate, words_of_characters

__all__ = ["Alignment", "Span", "concatenate", "words_of_characters"]
