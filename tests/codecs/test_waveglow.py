import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from toktts.codecs import load_codec
from toktts.codecs._denoiser import first_magnitudes, subtract
from toktts.codecs._waveglow_net import Flow, WaveGlowNet
from toktts.codecs._waveglow_weights import convert_waveglow
from toktts.codecs.waveglow import WaveGlow, WaveGlowOptions
from toktts.data.corpora._base import tiny_clip
from toktts.errors import CodecError

SMALL = {"n_mels": 5, "hop_length": 16, "upsample_kernel_size": 40, "hidden_size": 6, "num_hidden_layers": 3}


def small(**wish: int | float) -> WaveGlowNet:
    torch.manual_seed(0)
    net = WaveGlowNet(WaveGlowOptions(**(SMALL | {"n_flows": 6, "n_early_every": 2} | wish)))  # type: ignore[arg-type]
    with torch.no_grad():
        for flow in net.flows:
            assert isinstance(flow, Flow)
            flow.mix.add_(0.2 * torch.randn_like(flow.mix))  # no rotation, so that a transpose is no inverse
            flow.net.head.weight.mul_(3.0)
    return net


def noise_of(net: WaveGlowNet, samples: Tensor, mel: Tensor) -> Tensor:
    """The way that the paper trains, written down step by step: sound -> noise (batch, n_group, n_positions)."""
    options, done = net.options, []
    hidden = torch.stack([samples[:, first :: options.n_group] for first in range(options.n_group)], dim=1)
    upsampled = net.upsample(mel)[:, :, : samples.shape[1]]
    firsts, bands = range(options.n_group), range(mel.shape[1])
    conditions = torch.stack(
        [upsampled[:, band, first :: options.n_group] for band in bands for first in firsts], dim=1
    )
    for index, flow in enumerate(net.flows):
        assert isinstance(flow, Flow)
        if index and index % options.n_early_every == 0:
            done.append(hidden[:, : options.n_early_size])
            hidden = hidden[:, options.n_early_size :]
        hidden = torch.einsum("ij,bjt->bit", flow.mix, hidden)
        half = hidden.shape[1] // 2
        shift, log_scale = flow.net(hidden[:, :half], conditions)
        hidden = torch.cat([hidden[:, :half], hidden[:, half:] * log_scale.exp() + shift], dim=1)
    return torch.cat([*done, hidden], dim=1)


def test_the_net_undoes_the_way_from_sound_to_noise() -> None:
    net, mel, samples = small(), torch.randn(2, 5, 9), torch.rand(2, 9 * 16) - 0.5
    with torch.no_grad():
        noise = noise_of(net, samples, mel)
        assert noise.shape == (2, 8, 18)
        torch.testing.assert_close(net(mel, noise), samples, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(net(mel + 1, noise), samples, atol=1e-2)


def test_the_usual_sizes_are_those_of_the_paper() -> None:
    options = WaveGlowOptions()
    assert [options.channels(flow) for flow in range(12)] == [8] * 4 + [6] * 4 + [4] * 4
    assert [flow for flow in range(12) if options.takes_out(flow)] == [4, 8]
    with torch.device("meta"):
        net = WaveGlowNet(options)
    # NVIDIA's model has 87,879,272, with a length for each row of what is normed: 256 + 8 * 512 + 4096 + 7 * 512 + 256
    # in each flow.
    assert sum(parameter.numel() for parameter in net.parameters()) == 87_879_272 - 12 * 12_288


@pytest.mark.parametrize("n_frames", [1, 2, 3, 11])
def test_every_frame_becomes_a_hop_of_sound(n_frames: int) -> None:
    codec = WaveGlow.tiny()
    mel = torch.randn(1, codec.n_mels, n_frames)
    sound = codec.decode(mel).samples
    assert sound.shape == (1, n_frames * codec.hop_length)
    assert torch.equal(sound, codec.decode(mel).samples)


def test_its_mel_is_the_usual_one_of_ljspeech() -> None:
    options = WaveGlowOptions(hidden_size=2, num_hidden_layers=1, n_flows=1)
    codec = WaveGlow(options, weights=WaveGlowNet(options).state_dict())
    clip = tiny_clip(0, sampling_rate=22_050)
    assert torch.equal(codec.encode(clip), load_codec("griffin_lim").encode(clip))
    assert codec.identity == load_codec("griffin_lim").identity


def test_sigma_is_the_size_of_the_noise() -> None:
    tiny = WaveGlow.tiny()
    weights, facts = tiny.net.state_dict(), vars(tiny.options)
    quiet, loud = (
        WaveGlow(WaveGlowOptions(**(facts | {"sigma": sigma, "denoiser_strength": 0.0})), weights=weights)
        for sigma in (0.0, 0.3)
    )
    mel = torch.randn(1, 20, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = tiny.net(mel, torch.zeros(1, 8, 48)).clamp(-1, 1)
    assert torch.equal(quiet.decode(mel).samples, expected)
    assert not torch.equal(loud.decode(mel).samples, expected)


def test_the_denoiser_takes_a_constant_hum_off_and_leaves_the_rest() -> None:
    window, seconds = torch.hann_window(1024), torch.arange(22_050) / 22_050
    # Even, as the mirror at the beginning is.
    hum = 0.02 * torch.cos(2 * torch.pi * 22_050 / 1024 * 8 * seconds)
    voice = 0.5 * torch.cos(2 * torch.pi * 22_050 / 1024 * 60 * seconds)
    magnitudes = first_magnitudes(hum, window, hop_length=256)
    inside = slice(2048, -2048)
    alone = subtract(hum, magnitudes, window, hop_length=256)[inside]
    assert alone.square().mean() < 1e-3 * hum[inside].square().mean()
    both = subtract(hum + voice, magnitudes, window, hop_length=256)[inside]
    assert (both - voice[inside]).square().mean() < 1e-2 * hum[inside].square().mean()
    nothing = subtract(voice, torch.zeros(513), window, hop_length=256)
    torch.testing.assert_close(nothing, voice, atol=1e-5, rtol=1e-5)
    assert subtract(voice[:100], magnitudes, window, hop_length=256).shape == (100,)


def test_the_denoiser_takes_off_what_an_empty_mel_sounds_like() -> None:
    tiny = WaveGlow.tiny()
    options = WaveGlowOptions(**(vars(tiny.options) | {"sigma": 0.0, "denoiser_strength": 1.0}))
    plain = WaveGlowOptions(**(vars(options) | {"denoiser_strength": 0.0}))
    empty = torch.zeros(1, 20, 88)
    loud, cleaned = (
        WaveGlow(one, weights=tiny.net.state_dict()).decode(empty).samples[0, :64].square().mean()
        for one in (plain, options)
    )
    assert cleaned < 0.3 * loud


def as_published(net: WaveGlowNet, *, is_normed: bool, has_old_conditions: bool) -> dict[str, Tensor]:
    """Weights under the names, and in the shapes, of NVIDIA's files."""
    theirs: dict[str, Tensor] = {}
    words = {"embed": "start", "dilated": "in_layers", "condition": "cond_layer", "contract": "res_skip_layers"}
    for name, tensor in net.state_dict().items():
        parts = name.split(".")
        if parts[0] == "upsample":
            theirs[name] = tensor
        elif parts[2] == "mix":
            theirs[f"convinv.{parts[1]}.conv.weight"] = tensor[:, :, None]
        else:
            place = ".".join([f"WN.{parts[1]}", (words | {"head": "end"})[parts[3]], *parts[4:]])
            theirs |= _published(place, tensor, is_normed=is_normed and "end" not in place)
    if has_old_conditions:
        for name in [name for name in theirs if ".cond_layer." in name]:
            for layer, part in enumerate(theirs.pop(name).chunk(3)):
                theirs[name.replace("cond_layer.", f"cond_layers.{layer}.")] = part
    return theirs


def _published(name: str, tensor: Tensor, *, is_normed: bool) -> dict[str, Tensor]:
    if not is_normed or name.endswith("bias"):
        return {name: tensor}
    direction = 3.0 * tensor
    return {f"{name}_g": tensor.flatten(1).norm(dim=1)[:, None, None], f"{name}_v": direction}


@pytest.mark.parametrize(("is_normed", "has_old_conditions"), [(False, False), (True, False), (False, True)])
def test_published_weights_are_renamed(is_normed: bool, has_old_conditions: bool) -> None:
    net = small()
    theirs = as_published(net, is_normed=is_normed, has_old_conditions=has_old_conditions)
    converted = convert_waveglow({f"module.{name}": tensor for name, tensor in theirs.items()})
    assert set(converted) == set(net.state_dict())
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(converted[name], tensor)


def test_weights_of_something_else_are_refused() -> None:
    theirs = as_published(small(), is_normed=True, has_old_conditions=False)
    with pytest.raises(CodecError, match="has a weight 'optimizer.step', which WaveGlow has not; take the state dict"):
        convert_waveglow(theirs | {"optimizer.step": torch.zeros(1)})
    theirs.pop("WN.0.start.weight_v")
    with pytest.raises(CodecError, match=r"has 'WN\.0\.start\.weight_g', but not 'WN\.0\.start\.weight_v'; take"):
        convert_waveglow(theirs)


def saved(folder: Path) -> Path:
    WaveGlow.tiny().save_pretrained(folder)
    return folder / "model.safetensors"


def test_missing_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    path = saved(tmp_path)
    weights = load_file(path)
    save_file({name: tensor for name, tensor in weights.items() if ".mix" not in name}, path)
    with pytest.raises(CodecError, match=r"model.safetensors: lacks weights, 4 of them, first 'flows.0.mix'; use") as e:
        load_codec(tmp_path)
    assert "\n" not in e.value.one_line()
    save_file(weights | {"other": torch.zeros(1)}, path)
    with pytest.raises(CodecError, match="has unknown weights, 1 of them, first 'other'; use convert_waveglow"):
        load_codec(tmp_path)
    save_file(weights | {"flows.0.mix": torch.zeros(4, 4)}, path)
    with pytest.raises(CodecError, match=r"flows.0.mix: is \(4, 4\), the options want \(8, 8\); change them"):
        load_codec(tmp_path)
    path.write_bytes(b"no weights")
    with pytest.raises(CodecError, match=r"model.safetensors: cannot be read \(.*\); copy the whole folder again"):
        load_codec(tmp_path)
    path.unlink()
    with pytest.raises(CodecError, match=r"model.safetensors: cannot be read \(.*\); copy the whole folder again"):
        load_codec(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hop_length": 100}, "hop_length must be a multiple of n_group 8, got 100; 256 is usual"),
        ({"n_flows": 20}, "n_flows leaves no channel to the last ones, got 20; take fewer out early"),
        ({"sigma": -1.0}, "sigma must be 0 to 2, got -1.0; 0.75 is usual"),
        ({"denoiser_strength": 3}, "denoiser_strength must be 0 to 1, got 3; 0.04 is usual"),
        ({"n_group": 7}, "n_group must be even, got 7; leave it out"),
        ({"upsample_kernel_size": 8}, "upsample_kernel_size must be at least hop_length 256, got 8"),
    ],
)
def test_impossible_options_are_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        WaveGlowOptions(**change)  # type: ignore[arg-type]


def test_settings_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "codec.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(facts | {"options": {"n_flow": 12}}), encoding="utf-8")
    with pytest.raises(CodecError, match=r"codec.json: has wrong settings \(.*n_flow.*\); write it with save_pretr"):
        load_codec(tmp_path)


def test_it_cannot_be_built_from_nothing() -> None:
    with pytest.raises(CodecError, match="'waveglow' has no defaults; name the folder of a trained one"):
        load_codec("waveglow")


def test_weights_that_explode_are_named() -> None:
    tiny = WaveGlow.tiny()
    weights = {name: tensor.clone() for name, tensor in tiny.net.state_dict().items()}
    weights["flows.0.net.head.bias"] -= 1000.0
    with pytest.raises(CodecError, match="decoded sound is not finite"):
        WaveGlow(tiny.options, weights=weights).decode(torch.zeros(1, 20, 4))
