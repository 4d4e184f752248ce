"""Reading and splicing: the numbers are the model's own, and an edit reaches all that follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.model import LanguageModel
from jobs.names import SITES, Hook
from store import AskedWrongly

Models = dict[str, tuple[Any, LanguageModel]]

FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma2", "granite")
LAYERS = 3
TOKENS = torch.arange(2 * 9).view(2, 9) * 17 % 400

PLACES = [*((site, None) for site in SITES), ("z", 2)]
"""Sites, and one head."""


def hooks_of(family: str) -> list[Hook]:
    """Every hook of a model; where attention and MLP read the same, nothing lies between them."""
    absent = {"resid_mid"} if family == "gpt_neox" else set()
    return [
        Hook(layer, *place) for layer in range(LAYERS) for place in PLACES if place[0] not in absent
    ]


@pytest.fixture(params=["plain", "bridge"])
def way(request: pytest.FixtureRequest, models: Models) -> Iterator[str]:
    """Every promise holds on both ways through a model: its own modules, and the bridge."""
    kept = {family: (model._places, model._split_head) for family, (_, model) in models.items()}
    if request.param == "bridge":
        for _, model in models.values():
            model._places, model._split_head = {}, False
    yield request.param
    for family, (_, model) in models.items():
        model._places, model._split_head = kept[family]


def close(a: Tensor, b: Tensor, tolerance: float = 2e-4) -> bool:
    return bool((a - b).norm() <= tolerance * b.norm().clamp_min(1e-3))


@pytest.mark.parametrize("family", FAMILIES)
def test_activations_are_the_models_own_hidden_states(
    models: Models, family: str, way: str
) -> None:
    plain, model = models[family]
    hidden = plain(TOKENS, output_hidden_states=True).hidden_states
    found = model.activations(TOKENS, model.hooks())
    assert close(found[Hook(0, "resid_pre")], hidden[0])
    for layer in range(1, LAYERS):  # the last of hidden_states has the final norm in it
        assert close(found[Hook(layer, "resid_pre")], hidden[layer])
        assert close(found[Hook(layer - 1, "resid_post")], hidden[layer])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_block_adds_what_attention_and_mlp_write(models: Models, family: str, way: str) -> None:
    _, model = models[family]
    hooks = hooks_of(family)
    found = model.activations(TOKENS, hooks)
    for layer in range(LAYERS):
        at = {hook.place: found[hook] for hook in hooks if hook.layer == layer}
        assert close(at["resid_pre"] + at["attn_out"] + at["mlp_out"], at["resid_post"])
        if "resid_mid" in at:
            assert close(at["resid_pre"] + at["attn_out"], at["resid_mid"])
        assert torch.equal(at["z.H2"], at["z"][..., 16:24])  # of 4 heads, 8 wide each


@pytest.mark.parametrize("family", FAMILIES)
def test_what_attention_and_mlp_read(models: Models, family: str, way: str) -> None:
    """`z` is what the output matrix takes, head after head; `mlp_in` what the MLP itself takes."""
    _, model = models[family]
    if family == "granite":
        return  # what its modules write is scaled before it is added
    found = model.activations(TOKENS, hooks_of(family))
    block = model._plain.get_submodule(model.bridge.blocks[1].name)
    mlp = block.get_submodule(model.bridge.blocks[1].mlp.name)
    if family != "gemma2":  # which has one more norm behind each
        assert close(mlp(found[Hook(1, "mlp_in")]), found[Hook(1, "mlp_out")])
        attention = block.get_submodule(model.bridge.blocks[1].attn.name)
        output = attention.get_submodule(model.bridge.blocks[1].attn.o.name)
        assert close(output(found[Hook(1, "z")]), found[Hook(1, "attn_out")])


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_loss_are_the_models_own(models: Models, family: str, way: str) -> None:
    plain, model = models[family]
    logits = plain(TOKENS).logits
    assert close(model.logits(TOKENS), logits)
    loss = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), TOKENS[:, 1:].flatten(), reduction="none"
    )
    assert close(model.loss(TOKENS).flatten(), loss)


PARALLEL = [{a, b} for a in ("z", "z.H2", "attn_out") for b in ("mlp_in", "mlp_out")]
"""Sites that do not see each other where attention and MLP read the same."""


def follows(later: Hook, earlier: Hook, parallel: bool) -> bool:
    """Whether `later` depends on what is written at `earlier` (at the same position)."""
    order = ["resid_pre", "z.H2", "z", "attn_out", "resid_mid", "mlp_in", "mlp_out", "resid_post"]
    assert {*SITES, "z.H2"} == {*order}
    ways = {site: place for place, site in enumerate(order)}
    if later.layer != earlier.layer:
        return later.layer > earlier.layer
    if parallel and {later.place, earlier.place} in PARALLEL:
        return False
    return ways[later.place] > ways[earlier.place]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: Hook(0, *place).place)
def test_an_edit_reaches_everything_that_follows_and_nothing_before(
    models: Models, family: str, place: tuple[str, int | None], way: str
) -> None:
    """A vector added at one hook and position: the residual stream right after carries exactly
    that vector, every later site and the logits change, earlier sites and positions do not.
    """
    _, model = models[family]
    hooks, edited, position, site = hooks_of(family), Hook(1, *place), 4, place[0]
    if edited not in hooks:
        with pytest.raises(AskedWrongly, match=r"has no hook L1\.resid_mid"):
            model.logits(TOKENS, {edited: lambda x: x})
        return
    vector = torch.linspace(-1.0, 2.0, model.width(edited))
    others = [hook for hook in hooks if hook != edited]
    clean = model.activations(TOKENS, hooks)
    logits = model.logits(TOKENS)

    def add(value: Tensor) -> Tensor:
        value = value.clone()
        value[:, position] += vector
        return value

    seen: dict[Hook, Tensor] = {}

    def note(hook: Hook) -> Any:
        def keep(value: Tensor) -> Tensor:
            seen[hook] = value.clone()
            return value

        return keep

    changed = model.logits(TOKENS, {edited: add, **{hook: note(hook) for hook in others}})
    parallel = family == "gpt_neox"
    # A head seen beside an edit of all of them is a part of what was edited, not a later place.
    for hook in others if site != "z" else [hook for hook in others if hook.site != "z"]:
        difference = (seen[hook] - clean[hook]).norm(dim=-1)
        assert difference[:, :position].max() < 1e-4, hook
        assert (difference[:, position].min() > 1e-3) == follows(hook, edited, parallel), hook
    if site in ("mlp_out", "attn_out", "resid_mid", "resid_pre"):
        after = seen[Hook(1, "resid_post")] - clean[Hook(1, "resid_post")]
        others_wrote = sum(
            seen[Hook(1, other)] - clean[Hook(1, other)]
            for other in ("attn_out", "mlp_out")
            if Hook(1, other) != edited and (site, other) != ("resid_mid", "attn_out")
        )
        assert close((after - others_wrote)[:, position], vector.expand(2, -1), 1e-3)
    elif site == "resid_post":
        after = seen[Hook(2, "resid_pre")] - clean[Hook(2, "resid_pre")]
        assert close(after[:, position], vector.expand(2, -1), 1e-3)
    moved = (changed - logits).norm(dim=-1)
    assert moved[:, :position].max() < 1e-4 and moved[:, position:].min() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_edits_at_every_site_at_once(models: Models, family: str, way: str) -> None:
    """Identity edits change nothing; zeros written over the last residual leave a constant."""
    _, model = models[family]
    logits = model.logits(TOKENS)
    unchanged = model.logits(TOKENS, {hook: lambda x: x for hook in hooks_of(family)})
    assert close(unchanged, logits)
    last = Hook(LAYERS - 1, "resid_post")
    zeroed = model.logits(TOKENS, {last: torch.zeros_like})
    assert close(zeroed, zeroed[:1, :1].expand_as(zeroed))
    loss = model.loss(TOKENS, {last: torch.zeros_like})
    assert not close(loss, model.loss(TOKENS))


def test_an_edit_of_another_shape_is_an_error(models: Models) -> None:
    _, model = models["llama"]
    with pytest.raises(ValueError, match=r"edit at L1\.mlp_out gave"):
        model.logits(TOKENS, {Hook(1, "mlp_out"): lambda x: x[:, :1]})


def test_hooks_are_gone_after_use_even_after_an_error(models: Models) -> None:
    _, model = models["llama"]
    before = model.logits(TOKENS)
    with pytest.raises(ZeroDivisionError):
        model.logits(TOKENS, {Hook(1, "mlp_out"): lambda x: x / (1 // 0)})
    assert torch.equal(model.logits(TOKENS), before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model._plain.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_computed_beyond_the_last_hook(models: Models, family: str) -> None:
    _, model = models[family]
    ran: list[int] = []
    blocks = model._plain.get_submodule(model.bridge.blocks[0].name.rpartition(".")[0])
    hooked = [block.original_component for block in model.bridge.blocks]
    handles = [
        block.register_forward_pre_hook(lambda module, args, n=n: ran.append(n))
        for n, block in [*enumerate(blocks), *enumerate(hooked)]
    ]
    model.activations(TOKENS, [Hook(1, "attn_out")])
    for handle in handles:
        handle.remove()
    assert ran == [0, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_fast_way_serves_what_it_can(models: Models, family: str) -> None:
    """Granite scales what attention and MLP write outside of them, so those go by the bridge."""
    _, model = models[family]
    sites = {hook.site for hook in model._places}
    scaled = {"attn_out", "mlp_out"} if family == "granite" else set()
    absent = {"resid_mid"} if family == "gpt_neox" else set()
    assert sites == set(SITES) - scaled - absent
    assert model._split_head == (family not in ("granite", "gemma2"))


def test_padding_at_the_end_changes_nothing_before_it(models: Models) -> None:
    _, model = models["gpt2"]
    hook = Hook(2, "resid_post")
    padded = torch.cat([TOKENS, torch.zeros(2, 5, dtype=torch.long)], 1)
    short = model.activations(TOKENS, [hook])[hook]
    assert close(model.activations(padded, [hook])[hook][:, :9], short)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "gpt_neox"])
def test_the_logit_lens_is_the_linear_part_of_the_head(models: Models, family: str) -> None:
    """For a residual stream that the final norm divides by s, adding a direction v without
    changing s adds unembed(v) / s to the logits (before Gemma's soft cap).
    """
    _, model = models[family]
    head, norm = model._unembedding, model._norm_module()
    x = torch.randn(model.d_model, generator=torch.Generator().manual_seed(1)) * 50
    centred = x - x.mean() if family in ("gpt2", "gpt_neox") else x
    v = torch.randn(model.d_model, generator=torch.Generator().manual_seed(2))
    v -= (v @ centred) / (centred @ centred) * centred  # s stays as it is, to first order
    difference = head(norm(x + 1e-2 * v)) - head(norm(x - 1e-2 * v))
    assert close(model.unembed(v[None])[0] / centred.pow(2).mean().sqrt() * 2e-2, difference, 0.02)
    assert model.unembed(torch.randn(7, model.d_model), block=3).shape == (7, model.d_vocab)


def test_a_hook_that_the_model_lacks(models: Models) -> None:
    _, model = models["llama"]
    with pytest.raises(AskedWrongly, match=r"layers 0 to 2; the last one is L2\.mlp_out"):
        model.hook("L7.mlp_out")
    with pytest.raises(AskedWrongly, match=r"did you mean L1\.resid_post"):
        model.hook("L1.resid_pos")
    with pytest.raises(AskedWrongly, match=r"is of head 4, but the model has heads 0 to 3"):
        model.hook("L1.z.H4")
    with pytest.raises(AskedWrongly, match=r"only z has, e\.g\. L1\.z\.H0"):
        model.hook("L1.resid_post.H0")
    with pytest.raises(AskedWrongly, match=r"has no hook L9\.mlp_out; at that depth it has L2\."):
        model.activations(TOKENS, [Hook(9, "mlp_out")])


def test_what_a_model_says_of_itself(models: Models) -> None:
    plain, model = models["gpt2"]
    assert model.row() == {
        "model": "gpt2",
        "family": "gpt2",
        "n_layers": 3,
        "d_model": 32,
        "d_vocab": 425,
        "n_params": sum(p.numel() for p in plain.parameters()),
        "source": "test",
    }
    assert model.width(Hook(0, "mlp_out")) == 32
    assert model.token_strings([0, 1]) == ["<bos>", "<unk>"]


def test_the_fast_way_shares_every_weight(models: Models) -> None:
    _, model = models["llama"]
    ours = {p.data_ptr() for p in model._plain.parameters()}
    theirs = {p.data_ptr() for p in model.bridge.original_model.parameters()}
    assert ours == theirs


@pytest.mark.parametrize("family", ["llama", "gemma2", "granite"])
def test_without_its_gain_what_an_mlp_reads_has_mean_square_one(
    models: Models, family: str
) -> None:
    """Whatever the family stores for it: Gemma's is the gain less one."""
    _, model = models[family]
    hook = Hook(1, "mlp_in")
    x = model.activations(torch.arange(1, 9)[None], [hook])[hook][0] / model.norm_gain(hook)
    torch.testing.assert_close(x.square().mean(1), torch.ones(8), atol=1e-3, rtol=1e-3)


def test_a_layer_norm_has_no_gain_alone(models: Models) -> None:
    _, model = models["gpt2"]
    with pytest.raises(AskedWrongly, match=r"L1\.mlp_in of gpt2 is not behind such a norm"):
        model.norm_gain(Hook(1, "mlp_in"))
