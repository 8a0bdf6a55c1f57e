from importlib import resources

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from toktts.text.phonemes.guessing import guess
from toktts.text.phonemes.lexicon import G2P_FILE, asset
from toktts.text.phonemes.network import LetterNetwork, load_network
from toktts.text.phonemes.symbols import ARPABET, LETTERS, unstressed


@pytest.fixture(scope="module")
def network() -> LetterNetwork:
    return load_network(load(asset(G2P_FILE)))


def test_the_network_is_small_and_half_precision() -> None:
    assert len(asset(G2P_FILE)) <= 1_500_000
    assert {weight.dtype for weight in load(asset(G2P_FILE)).values()} == {torch.float16}


@settings(max_examples=30)
@given(words=st.lists(st.text(LETTERS, min_size=5, max_size=5), min_size=2, max_size=6))
def test_words_in_a_batch_are_said_as_alone(network: LetterNetwork, words: list[str]) -> None:
    assert network.pronounce(words) == [network.pronounce([word])[0] for word in words]


def test_guesses_depend_on_letters_on_both_sides() -> None:
    torch.manual_seed(0)
    network = LetterNetwork()
    letter_ids = torch.randint(len(LETTERS), (1, 6))
    embedded = network.embedding.register_forward_hook(lambda _, __, output: output.requires_grad_())
    kept: list[torch.Tensor] = []
    network.embedding.register_forward_hook(lambda _, __, output: kept.append(output) or output.retain_grad())
    network(letter_ids)[-1][0, 6].sum().backward()
    embedded.remove()
    assert kept[0].grad is not None
    assert (kept[0].grad.abs().sum(-1) > 0).all()


def test_the_network_learns_a_word() -> None:
    torch.manual_seed(0)
    network = LetterNetwork()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    letter_ids = torch.tensor([[LETTERS.index(letter) for letter in "cab"]])
    target = torch.tensor([ARPABET.index(symbol) + 1 for symbol in ("K", "AE1", "B")])
    for _ in range(30):
        guesses = network(letter_ids)[-1].transpose(0, 1)
        loss = torch.nn.functional.ctc_loss(guesses, target, torch.tensor([9]), torch.tensor([3]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network.pronounce(["cab"]) == [("K", "AE1", "B")]


def test_saved_weights_say_the_same(network: LetterNetwork) -> None:
    again = load_network(load(save({name: weight.half() for name, weight in network.state_dict().items()})))
    assert again.pronounce(["blorptic"]) == network.pronounce(["blorptic"])


@pytest.mark.parametrize(("word", "said"), [("blim", "B L IH M"), ("snop", "S N AA P"), ("trabbing", "T R AE B IH NG")])
def test_plain_invented_words_are_said_as_they_are_written(word: str, said: str) -> None:
    assert " ".join(unstressed(symbol) for symbol in guess(word)) == said


def test_a_very_long_word_is_said_in_pieces() -> None:
    assert len(guess("banana" * 30)) > 120
    assert sum(symbol.endswith("1") for symbol in guess("banana" * 30)) == 1


def test_a_word_without_vowels_is_spelled() -> None:
    assert guess("xkcd") == ("EH2", "K", "S", "K", "EY2", "S", "IY2", "D", "IY1")


def test_the_licence_and_the_card_lie_beside_the_weights() -> None:
    folder = resources.files("toktts").joinpath("assets", "lexicon")
    assert {file.name for file in folder.iterdir()} >= {"CARD.md", "LICENSE.cmudict", "cmudict.txt.xz", G2P_FILE}
