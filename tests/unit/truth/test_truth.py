"""Truth is truth: each true component and edge is needed, each decoy and non-edge is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from jobs.causal import nodes as make
from jobs.causal.basis import Features, Site
from jobs.causal.exact import alone
from jobs.causal.ground import Ground
from jobs.dictionary.exchange.sample import measured
from jobs.dictionary.saved import load
from jobs.kinds import import_sae
from jobs.model import LanguageModel, load_model
from jobs.model.shape import shape
from jobs.model.truth import LISTED, TRUTHS, Truth
from jobs.model.truth.compiled import CIRCUITS, compiled, plan
from jobs.model.truth.made import DICTIONARIES, TRUTH, truth_folder
from jobs.names import Hook
from jobs.parse import parse
from jobs.specs import ImportSae
from jobs.task.load import load_task
from jobs.task.prepare import Prepared, prepare
from store import AskedWrongly, Workspace
from tests.unit.profile.planted import Running
from tests.unit.truth.patching import Components, Run, layer_of, same_layer_heads

SMALL = [name for name in LISTED if not name.endswith("_large")]
N = 48


class Known(NamedTuple):
    truth: Truth
    model: LanguageModel
    made: Prepared
    parts: Components


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name in SMALL else [pytest.mark.slow]) for name in LISTED
    ],
)
def known(request: pytest.FixtureRequest, cache: None) -> Known:
    truth = TRUTHS[request.param]
    model = load_model(truth.model, dtype="float32")
    task = load_task(truth.model, model, limit=N)
    made = prepare(task, model, held_out=0.3)
    return Known(truth, model, made, Components(compiled(plan(truth.name))))


def difference(known: Known, logits: Tensor) -> Tensor:
    """Logit of the answer less that of the wrong one, prompt by prompt."""
    prompts = known.made.search
    last = logits[torch.arange(prompts.n), prompts.length - 1]
    right, wrong = (last.gather(1, ids[:, None])[:, 0] for ids in (prompts.answer, prompts.wrong))  # type: ignore[index]
    return right - wrong


def passes(known: Known) -> tuple[Tensor, Run, dict[str, Tensor]]:
    """The clean prompts, a pass over them, and what each component writes on average."""
    clean, corrupt = known.made.search.clean, known.made.search.corrupt
    assert corrupt is not None
    run, other = known.parts.run(clean), known.parts.run(corrupt)
    return clean, run, {k: (v.mean(0) + other.out[k].mean(0)) / 2 for k, v in run.out.items()}


def falls(score: Tensor, clean: Tensor) -> bool:
    """Whether a behaviour is gone: no better than chance, a tie counting as wrong."""
    return float((score > 0.05 * clean.mean()).float().mean()) <= 0.65


def stays(score: Tensor, clean: Tensor) -> bool:
    """Whether it is all there: every answer right, by as much as before."""
    return bool((score > 0).all()) and float((score - clean).abs().max() / clean.mean()) < 0.2


def test_the_model_does_its_task_without_fail(known: Known) -> None:
    assert known.made.accuracy == 1
    assert known.made.corrupt_accuracy is not None
    assert known.made.corrupt_accuracy < 0.65
    assert known.made.clean_diff > 4
    assert known.made.aligned
    listed = LISTED[known.truth.name]
    assert shape(known.truth.model)[:4] == (
        listed.n_layers, listed.d_model, listed.context, listed.n_heads,
    )  # fmt: skip
    assert (known.model.n_layers, known.model.d_model) == (listed.n_layers, listed.d_model)
    assert known.model.context == listed.context
    assert len(known.truth.nodes) == listed.n_layers * (listed.n_heads + 1)
    decoys = set(known.truth.nodes) - known.truth.true_nodes
    assert len(decoys) >= 15


def test_the_example_that_is_listed_is_answered_as_it_says(known: Known) -> None:
    tokenizer, (clean, corrupt, answer, wrong) = (
        known.model.tokenizer,
        LISTED[known.truth.name].example,
    )
    assert tokenizer.bos is not None
    right, other = (tokenizer.encode(text)[0] for text in (answer, wrong))
    clean_diff, corrupt_diff = (
        float(logits[right] - logits[other])
        for text in (clean, corrupt)
        for logits in known.model.logits(torch.tensor([[tokenizer.bos, *tokenizer.encode(text)]]))[
            :, -1
        ]
    )
    assert clean_diff > 4
    assert corrupt_diff < clean_diff / 2  # constants prefer one token to another


@torch.no_grad()
def test_the_sum_of_its_components_is_the_model(known: Known) -> None:
    prompts = known.made.search
    assert torch.allclose(
        known.parts.run(prompts.clean).logits, known.model.logits(prompts.clean), atol=2e-3
    )


@torch.no_grad()
def test_without_a_true_component_the_behaviour_is_gone_without_a_decoy_it_stays(
    known: Known,
) -> None:
    tokens, run, mean = passes(known)
    clean = difference(known, run.logits)
    replaced = set().union(*known.truth.instead)
    for node in known.truth.nodes:
        without = known.parts.run(tokens, {node: mean[node]}, known=run, since=layer_of(node))
        score = difference(known, without.logits)
        needed = node in known.truth.true_nodes - replaced
        assert (falls if needed else stays)(score, clean), node


@torch.no_grad()
def test_what_stands_in_for_another_is_needed_without_it(known: Known) -> None:
    """Alone none of them is missed; of a group without any the behaviour is gone."""
    tokens, run, _ = passes(known)
    clean = difference(known, run.logits)
    corrupt = known.parts.run(known.made.search.corrupt).out  # type: ignore[arg-type]
    for group in known.truth.instead:
        for ours, gone in [({node}, False) for node in group] + [(group, True)]:
            without = known.parts.run(tokens, {node: corrupt[node] for node in ours})
            assert (falls if gone else stays)(difference(known, without.logits), clean), ours


@torch.no_grad()
def test_without_all_decoys_at_once_the_circuit_does_it_alone(known: Known) -> None:
    tokens, run, mean = passes(known)
    decoys = {node: mean[node] for node in known.truth.nodes if node not in known.truth.true_nodes}
    score = difference(known, known.parts.run(tokens, decoys).logits)
    assert stays(score, difference(known, run.logits))


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_every_true_edge_is_needed_and_no_other(name: str, request: pytest.FixtureRequest) -> None:
    """Path patching: one component sees the mean of another, all else sees what is there. Of
    components that stand in for one another, the others are away meanwhile.
    """
    truth = TRUTHS[name]
    model = load_model(truth.model, dtype="float32")
    made = prepare(load_task(truth.model, model, limit=N), model, held_out=0.5)
    known = Known(truth, model, made, Components(compiled(plan(name))))
    tokens, run, mean = passes(known)
    clean, seen = difference(known, run.logits), 0
    corrupt = known.parts.run(made.search.corrupt).out  # type: ignore[arg-type]
    for i, source in enumerate(truth.nodes):
        for target in (*truth.nodes[i + 1 :], "logits"):
            if same_layer_heads(source, target):
                continue
            others = set().union(*(g for g in truth.instead if source in g)) - {source}
            away = {node: corrupt[node] for node in others if node != target}
            seems = corrupt[source] if others else mean[source]
            # Where nothing else is away, all is as it was up to the one that is deceived.
            receives = model.n_layers if target == "logits" else layer_of(target)
            since = min(map(layer_of, (source, *others))) if others else receives
            patched = known.parts.run(
                tokens, away, hidden=(source, target, seems), known=run, since=since
            )
            score = difference(known, patched.logits)
            edge = (source, target) in truth.true_edges
            assert (falls if edge else stays)(score, clean), (source, target)
            seen += edge
    assert seen == len(truth.true_edges)


def test_features_are_known_where_the_circuit_writes(known: Known) -> None:
    """Ablating all true features at a hook ends the behaviour (where another hook stands in for it,
    there too); ablating all others, decoys' and the error, changes nothing.
    """
    dictionaries = known.truth.dictionaries()
    hooks = {one.hook.label for one in dictionaries}
    together = [{f"L{layer_of(node)}.attn_out" for node in g} for g in known.truth.instead]
    assert set().union(*together) <= hooks
    alone = [{label} for label in hooks - set().union(*together)]
    for group in together + alone:
        some = [one for one in dictionaries if one.hook.label in group]
        sites = [Site(one.hook, Features(one.dictionary), name=one.hook.label) for one in some]
        nodes = make.features(sites)
        # The means of two that stand in for one another may be enough together.
        ablation = "resample" if len(group) > 1 else "mean"
        ground = Ground(known.model, sites, nodes, known.made.search, ablation=ablation)
        names = {f"{one.hook.label}#{feature}" for one in some for feature in one.true}
        true = torch.tensor([[float(nodes.name(i) in names) for i in range(nodes.n)]])
        clean, without = (ground.score(gates, ground.all) for gates in (None, 1 - true))
        assert float(without.mean() / clean.mean()) < 0.25, group
        assert stays(ground.score(true, ground.all), clean), group


def test_a_feature_is_missed_on_the_prompts_that_use_it_and_on_no_other(known: Known) -> None:
    """One by one, each being what it is after the corrupt prompt; what stands in for another is
    never missed so. Decoys are nowhere.
    """
    prompts, dictionaries = known.made.search, known.truth.dictionaries()
    assert prompts.wrong is not None
    sites = [Site(one.hook, Features(one.dictionary), name=one.hook.label) for one in dictionaries]
    nodes = make.features(sites, errors="kept")
    ground = Ground(known.model, sites, nodes, prompts)
    order = torch.randperm(nodes.n, generator=torch.Generator().manual_seed(0))[:100].tolist()
    columns = (prompts.clean, prompts.answer, prompts.wrong)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    uses = [known.truth.uses(*row) for row in rows]
    names = {
        f"{one.hook.label}#{i}": name for one in dictionaries for i, name in enumerate(one.names)
    }
    true = {f"{one.hook.label}#{i}" for one in dictionaries for i in one.true}
    replaced = {f"L{layer_of(node)}.attn_out" for group in known.truth.instead for node in group}
    number = {nodes.name(i): i for i in range(nodes.n)}
    some = sorted({*order, *(number[node] for node in true)})
    falls = alone(ground, torch.tensor(some), 512, lambda share: None)
    gap = float(
        (ground.score(None, ground.all) - ground.score(torch.zeros(1, nodes.n), ground.all)).mean()
    )
    for column, node in zip((falls / gap).T, some, strict=True):
        name = nodes.name(node)
        used = torch.tensor([name in true and names[name] in own for own in uses])
        if name.partition("#")[0] in replaced:
            used[:] = False
        assert not used.any() or float(column[used].mean()) > 0.1, names[name]
        assert used.all() or float(column[~used].abs().max()) < 0.05, names[name]


def test_everything_that_is_written_is_a_feature(known: Known) -> None:
    """Nothing is left over for the error; a few directions fire without being of the circuit only
    where decoys write: an MLP writes alone at its hook, heads beside others.
    """
    for one in known.truth.dictionaries():
        x = known.model.activations(known.made.search.clean, [one.hook])[one.hook].flatten(0, 1)
        f = one.dictionary.encode(x)
        assert measured(one.dictionary, x).fvu < 1e-3
        left = x - one.dictionary(x)
        assert float(left.norm(dim=1).max()) < 0.01  # the circuit writes one, more or less
        assert len(one.names) == len(set(one.names)) == len(one.dictionary.W_dec)
        assert 2 * len(one.true) < len(one.names)
        fires = set((f > 0).sum(0).nonzero()[:, 0].tolist())
        assert len(fires & set(one.true)) >= 0.8 * len(one.true)
        assert bool(fires - set(one.true)) == (one.hook.site == "attn_out")


def test_the_folder_tells_the_truth_beside_the_weights(known: Known) -> None:
    folder = truth_folder(known.truth.name)
    about: Any = json.loads((folder / TRUTH).read_text())
    assert set(about["true_nodes"]) == known.truth.true_nodes
    assert {tuple(edge) for edge in about["true_edges"]} == known.truth.true_edges
    for one in known.truth.dictionaries():
        saved = load(folder / DICTIONARIES / one.hook.label)
        assert torch.equal(saved.W_dec, one.dictionary.W_dec)
        assert about["features"][one.hook.label]["true"] == list(one.true)


def test_compiling_twice_gives_the_same_weights(tmp_path: Path) -> None:
    for name in SMALL:
        first, again = compiled(plan(name)), compiled(plan.__wrapped__(name))
        pairs = zip(first.state_dict().items(), again.state_dict().items(), strict=True)
        assert all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)
    few, more = TRUTHS["ioi"].make_task(0, 5), TRUTHS["ioi"].make_task(0, 9)
    assert few.examples == more.examples[:5]


def test_a_truth_that_is_none_is_refused_and_a_task_of_another_model() -> None:
    with pytest.raises(AskedWrongly, match=r"No model is called 'truth:or'; .*truth:xor"):
        load_model("truth:or")
    model = load_model("truth:xor", dtype="float32")
    with pytest.raises(AskedWrongly, match="Task truth:ioi is that of model truth:ioi, not of"):
        load_task("truth:ioi", model)
    with pytest.raises(AskedWrongly, match="did you mean truth:xor"):
        load_task("truth:xr", model)


def test_its_features_and_its_prompts_are_had_by_name(tmp_path: Path) -> None:
    """``import_sae source=truth:NAME/HOOK corpus=truth:NAME``, as anyone may ask."""
    ws = Workspace.create(tmp_path / "ws")
    asked = {"source": "truth:xor/L1.mlp_out", "corpus": "truth:xor", "tokens": 400}
    spec = ImportSae.model_validate(asked)
    import_sae.run(spec, Running(ws, "import_sae-1"))
    (known,) = [one for one in TRUTHS["xor"].dictionaries() if one.hook == Hook(1, "mlp_out")]
    saved = load(ws, "truth-xor/L1.mlp_out/known")
    assert torch.equal(saved.W_dec, known.dictionary.W_dec)
    ((text,),) = ws.sql("SELECT text FROM documents WHERE doc = 0").fetchall()
    assert text.startswith("<bos>")
    assert set(text.replace("<bos>", " ").split()) <= set(CIRCUITS["xor"].tokens)
    with pytest.raises(AskedWrongly, match=r"known at L0\.attn_out, L1\.mlp_out, not at 'L7'"):
        import_sae.run(spec.model_copy(update={"source": "truth:xor/L7"}), Running(ws, "b"))
    with pytest.raises(AskedWrongly, match="No truth model is called 'truth:or'"):
        import_sae.run(spec.model_copy(update={"source": "truth:or/L7"}), Running(ws, "c"))
    with pytest.raises(AskedWrongly, match="No corpus is called 'truth:or'"):
        ImportSae.model_validate(asked | {"model": "truth:xor", "corpus": "truth:or"}).check(ws)


def test_features_written_at_one_place_of_a_prompt_are_taken_over(tmp_path: Path) -> None:
    """Most tokens get nothing at this hook: what the town gets is no massive activation."""
    ws = Workspace.create(tmp_path / "ws", defaults={"model": "tiny", "corpus": "grammar:"})
    asked = {"source": "truth:two_hop/L0.mlp_out", "corpus": "truth:two_hop", "tokens": "400"}
    (spec,) = parse("import_sae", asked, ws.defaults)
    import_sae.run(spec, Running(ws, "import_sae-1"))
    manifest = ws.dictionary("truth-two_hop/L0.mlp_out/known").manifest
    assert manifest["model"] == "truth:two_hop"
    assert manifest["sample"]["fvu"] < 0.1 < 0.5 < manifest["sample"]["fvu_random"]


def test_a_known_dictionary_is_at_home_where_it_is_known(tmp_path: Path) -> None:
    """Beside heads that talk idly and heads that always write the same."""
    ws = Workspace.create(tmp_path / "ws")
    asked = {"source": "truth:ioi/L1.attn_out", "corpus": "truth:ioi", "tokens": 400}
    running = Running(ws, "import_sae-1")
    import_sae.run(ImportSae.model_validate(asked), running)
    assert not [line for line in running.said if "Warning" in line]
    saved = load(ws, "truth-ioi/L1.attn_out/known")
    assert float(saved.b_dec.norm()) > 0.1
    assert ws.dictionary("truth-ioi/L1.attn_out/known").manifest["sample"]["fvu"] < 0.01
