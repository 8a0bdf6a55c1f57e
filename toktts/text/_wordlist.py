"""Lists of words, written as text."""


def word_set(text: str) -> frozenset[str]:
    """Read blank-separated words.

    >>> sorted(word_set("of the"))
    ['of', 'the']
    """
    return frozenset(text.split())
