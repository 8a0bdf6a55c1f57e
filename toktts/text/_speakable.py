"""Refuse text that a model cannot speak, before it makes plausible noise of it."""

from typing import Protocol

from toktts.errors import TextError

SHOWN = 5


class TextTokenizer(Protocol):
    """What is asked of a Hugging Face tokenizer here."""

    unk_token_id: int | None

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Give the ids of a text."""


def check_speakable(text: str, tokenizer: TextTokenizer) -> None:
    """Refuse text the tokenizer cannot read or that holds nothing to say.

    Args:
        text: normalised text.
        tokenizer: the model's own.
    Raises:
        TypeError: not a str.
        TextError: empty, a lone surrogate, no letter or digit, or characters outside the tokenizer's alphabet; names
            the first ones with their offsets (0-based, in characters).
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be str, got {type(text).__name__}; decode or convert it first")
    if not text.strip():
        raise TextError("text is empty; write at least one word")
    for offset, character in enumerate(text):
        if _is_half(character):
            raise TextError(
                f"text holds half a character, {show_character(character)} at {offset}; encode it as UTF-8 again"
            )
    if not any(character.isalnum() for character in text):
        listed = ", ".join(show_character(character) for character in dict.fromkeys(text) if not character.isspace())
        raise TextError(f"text holds nothing to speak, only {listed}; write at least one word")
    unknown = unknown_characters(text, tokenizer)
    if unknown:
        listed = ", ".join(f"{show_character(character)} at {offset}" for offset, character in unknown[:SHOWN])
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise TextError(f"the model cannot read {listed}{more}; spell them, or leave them out with --unknown skip")


def unknown_characters(text: str, tokenizer: TextTokenizer) -> list[tuple[int, str]]:
    """List the characters a tokenizer has no id for, each at its first place.

    Args:
        text: any text.
        tokenizer: the model's own; one without an unknown token reads everything.

    Returns:
        (offset, character), offsets 0-based in characters.
    """
    if text.isascii() and text.isprintable() and not _is_unknown(text, tokenizer):
        return []
    first_places = {character: offset for offset, character in reversed(list(enumerate(text)))}
    unknown = [
        (offset, character)
        for character, offset in first_places.items()
        if _is_half(character) or _is_unknown(character, tokenizer)
    ]
    return sorted(unknown)


def _is_unknown(text: str, tokenizer: TextTokenizer) -> bool:
    try:
        return tokenizer.unk_token_id in tokenizer.encode(text, add_special_tokens=False)
    except TextError:  # a tokenizer that pronounces says so itself
        return True


def leave_out_unknown(text: str, tokenizer: TextTokenizer) -> tuple[str, list[str]]:
    """Take the characters out of a text that a tokenizer has no id for.

    Args:
        text: any text.
        tokenizer: the model's own.

    Returns:
        What is left, and what was left out, each character once in a form that can be printed.
    """
    unknown = [character for _, character in unknown_characters(text, tokenizer)]
    return text.translate({ord(character): None for character in unknown}), [
        show_character(character) for character in unknown
    ]


def _is_half(character: str) -> bool:
    """Whether a character is one of a surrogate pair, which no encoding knows alone."""
    return "\ud800" <= character <= "\udfff"


def show_character(character: str) -> str:
    """Write a character with its code point, or the code point alone where nothing would show."""
    code_point = f"U+{ord(character):04X}"
    return f"{character!r} ({code_point})" if character.isprintable() else code_point
