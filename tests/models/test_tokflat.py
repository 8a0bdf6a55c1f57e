import pytest
import torch
from transformers import EncoderDecoderConfig, EncoderDecoderModel, GenerationConfig

from toktts.errors import ModelError
from toktts.models.tokflat import TokflatConfig, TokflatModel, _LegalCodes
from toktts.tokens import flat_labels

# (encoder layers/heads/width, decoder layers/heads/width, parameters of the reference)
REFERENCE_SIZES = [
    ((6, 6, 384), (6, 6, 384), 26_175_744),
    ((6, 6, 384), (8, 8, 512), 46_068_224),
    ((4, 4, 64), (6, 6, 96), 1_389_088),
    ((4, 8, 256), (6, 12, 384), 18_606_208),
    ((4, 8, 128), (6, 12, 192), 4_953_152),
]


def stack(n_layer: int, n_head: int, n_embd: int) -> dict[str, int | float]:
    return {"n_layer": n_layer, "n_head": n_head, "n_embd": n_embd, "attn_pdrop": 0.2}


def small(**options: object) -> TokflatModel:
    torch.manual_seed(0)
    sizes = {"codebook_size": 16, "encoder": stack(1, 2, 16), "decoder": stack(1, 2, 32) | {"seq_length": 20}}
    model = TokflatModel(TokflatConfig(**(sizes | options)))
    return model.eval()


@pytest.mark.parametrize(("encoder", "decoder", "n_parameters"), REFERENCE_SIZES)
def test_parameter_counts_are_the_references(
    encoder: tuple[int, int, int], decoder: tuple[int, int, int], n_parameters: int
) -> None:
    with torch.device("meta"):
        model = TokflatModel(TokflatConfig(encoder=stack(*encoder), decoder=stack(*decoder) | {"seq_length": 300}))
    model.tie_weights()
    assert sum(p.numel() for p in model.parameters()) == n_parameters
    assert hasattr(model, "enc_to_dec_proj") == (encoder[2] != decoder[2])


def test_dropout_and_shape_are_gpt2s_but_for_what_is_set() -> None:
    config = TokflatConfig(encoder=stack(1, 2, 16)).encoder_config()
    assert (config.attn_pdrop, config.resid_pdrop, config.embd_pdrop) == (0.2, 0.1, 0.1)
    assert (config.n_positions, config.activation_function, config.layer_norm_epsilon) == (1024, "gelu_new", 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("causal", [True, False])
def test_a_late_byte_reaches_earlier_states_unless_the_encoder_is_causal(causal: bool) -> None:
    model = small(causal_encoder=causal)
    ids = torch.randint(3, 200, (1, 9))
    changed = ids.clone()
    changed[0, 7] += 1
    differs = (model._encode(ids, None) - model._encode(changed, None)).abs().amax(-1)[0] > 1e-6
    assert differs[:7].any() == (not causal)
    assert differs[7:].all()


def reference_model() -> EncoderDecoderModel:
    """The reference as it is built there, with weights of its own."""
    config = small(causal_encoder=True).config
    decoder = config.decoder_config()
    decoder.is_decoder = True
    both = EncoderDecoderConfig.from_encoder_decoder_configs(config.encoder_config(), decoder)
    both.decoder_start_token_id, both.pad_token_id = config.bos_code_id, config.eos_code_id
    torch.manual_seed(5)
    return EncoderDecoderModel(both).eval()


@pytest.mark.filterwarnings("ignore:Version v4.12.0:FutureWarning")
@torch.no_grad()
def test_weights_of_the_reference_give_its_loss_and_logits() -> None:
    reference, model = reference_model(), small(causal_encoder=True)
    model.load_state_dict(reference.state_dict())
    ids = torch.randint(3, 200, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    codes = torch.randint(0, 16, (2, 2, 5))
    codes[1, :, 3:] = -100
    flat = flat_labels(codes, eos_id=17)
    theirs = reference(input_ids=ids, attention_mask=mask, labels=flat)
    ours = model(input_ids=ids, attention_mask=mask, labels=codes)
    counts = flat != -100
    torch.testing.assert_close(ours.logits[counts], theirs.logits[counts], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.loss, theirs.loss, rtol=0, atol=1e-5)


def test_it_generates_by_itself_as_the_reference_does() -> None:
    generation = small().generation_config
    assert (generation.num_beams, generation.do_sample, generation.max_new_tokens) == (4, True, 20)
    assert TokflatModel(TokflatConfig(encoder=stack(1, 2, 16), decoder=stack(1, 2, 16))).config.seq_length == 300


def test_max_length_counts_the_start_mark_as_in_the_reference() -> None:
    speech = small().generate(torch.tensor([[5, 6]]), max_length=21, output_audio=False, seed=0)
    assert speech.n_frames.max() <= 10


def test_the_start_mark_is_never_legal_and_the_end_mark_only_between_frames() -> None:
    config = TokflatConfig(codebook_size=4)
    for n_codes, end_is_legal in [(0, True), (1, False), (2, True), (3, False)]:
        scores = _LegalCodes(config)(torch.zeros(1, 1 + n_codes, dtype=torch.long), torch.zeros(1, 6))
        assert scores[0, :4].isfinite().all()
        assert scores[0, 4] == float("-inf")
        assert bool(scores[0, 5].isfinite()) is end_is_legal


def test_logits_that_are_no_numbers_stop_the_generation() -> None:
    model = small()
    torch.nn.init.constant_(model.decoder.transformer.ln_f.bias, float("nan"))
    with pytest.raises(ModelError, match="non-finite logits at step 0; the weights are damaged"):
        model.generate(torch.tensor([[5, 6]]), output_audio=False)


def test_a_model_that_ends_at_once_gives_empty_sound() -> None:
    model = small()
    torch.nn.init.zeros_(model.decoder.transformer.ln_f.weight)
    embedding = model.decoder.transformer.wte.weight.data
    model.decoder.transformer.ln_f.bias.data = 100 * embedding[17]  # 17 is the end mark
    speech = model.generate(torch.tensor([[5, 6]]), do_sample=False, num_beams=1)
    assert speech.stop_reasons == ["empty"]
    assert [len(audio) for audio in speech.audio] == [0]
    assert speech.features.shape == (1, 2, 0)


def test_the_ids_the_trainer_writes_into_the_defaults_do_no_harm() -> None:
    model = small()
    ids = torch.tensor([[5, 6, 1]])
    before = model.generate(ids, seed=1, output_audio=False).features
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = 1, 0
    assert torch.equal(model.generate(ids, seed=1, output_audio=False).features, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": {"n_layers": 2}}, r"model.encoder: GPT-2 has no key 'n_layers'; did you mean 'n_layer'\?"),
        ({"decoder": {"seq_len": 2}}, r"model.decoder: GPT-2 has no key 'seq_len'; did you mean 'seq_length'\?"),
    ],
)
def test_unknown_sizes_are_named(options: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        TokflatConfig(**options)


def test_labels_longer_than_the_positions_are_refused() -> None:
    model = small(decoder=stack(1, 2, 32) | {"n_positions": 8})
    with pytest.raises(ModelError, match="labels take 9 positions, the decoder has 8; shorten the clips"):
        model(input_ids=torch.tensor([[5]]), labels=torch.zeros(1, 2, 4, dtype=torch.long))


@torch.no_grad()
def test_cached_and_uncached_generation_agree() -> None:
    model = small()
    ids = torch.tensor([[5, 6, 7, 1]])
    wish = GenerationConfig(do_sample=False, num_beams=1, use_cache=False)
    cached = model.generate(ids, do_sample=False, num_beams=1, output_audio=False)
    uncached = model.generate(ids, generation_config=wish, output_audio=False)
    assert torch.equal(cached.features, uncached.features)
