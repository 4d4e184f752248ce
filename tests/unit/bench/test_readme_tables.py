"""README and results cannot disagree: its tables are made from the files."""

from __future__ import annotations

from typing import Any

from tests.bench.readme_tables import LIBRARIES, README, complete, filled, quality_table, tables


def test_the_readme_shows_the_results_that_are_there() -> None:
    text, made = README.read_text("utf-8"), tables()
    assert "peers-step" in made
    assert all(f"<!-- {name} -->" in text and f"<!-- /{name} -->" in text for name in made)
    assert filled(text, made) == text  # else: python -m tests.bench.readme_tables


def run(library: str, fvu: float, steps: int = 10, **changes: Any) -> dict[str, Any]:
    about = {"architecture": "topk", "library": library, "steps": steps, "chosen": True}
    about |= {"seed": 0, "k": 8, "cpu": 2.0}
    return about | {"fvu": fvu, "l0": 8.0, "found": 0.5} | changes


ABOUT = {"rows": 100, "batch": 10, "k": 8, "measure": "found", "seeds": 2}


def test_the_least_fvu_is_bold_and_where_another_is_ahead_is_said() -> None:
    rows = [run("saetui", 0.2), run("saetui", 0.22), run("saelens", 0.15), run("saelens", 0.15)]
    rows += [run("saelens", 0.4, steps=3)] + 2 * [run("sparsify", 0.1, l0=80.0)]
    rows += 2 * [run("dictionary_learning", 0.3)] + [run("dictionary_learning", 0.01, chosen=False)]
    told = quality_table({"about": ABOUT, "rows": rows})
    first, second = told.splitlines()[2:4]
    # Ten times as many features fire for sparsify: no wonder, and no contest.
    assert first == (
        "| topk: FVU | .210 ±.127 | **.150 ±.0000** | .300 ±.0000 | .100 ±.0000 (L0 80) |"
    )
    assert second.startswith("| topk: FVU, our CPU time | **.210 ±.127** | .400 |")
    assert "Another library is ahead here: topk (FVU: SAELens).\n" in told
    assert told.endswith("Not run yet: batchtopk, matryoshka, jumprelu, gated, standard.")


def test_fvu_at_another_l0_is_read_off_between_runs_of_each_seed() -> None:
    rows = [run(name, 0.4, seed=seed) for name in LIBRARIES for seed in (0, 1)]
    rows += [run("saelens", fvu, k=16, l0=16.0, seed=seed) for seed, fvu in enumerate([0.3, 0.32])]
    # Twice as many fire as were asked for: between 8 and 32, as lines in logarithms.
    rows += [run("saetui", 0.1, k=16, l0=32.0, seed=seed) for seed in (0, 1)]
    rows += [run("sparsify", 0.2, k=16, l0=12.0, seed=seed) for seed in (0, 1)]  # too few
    told = quality_table({"about": ABOUT | {"curve": [2]}, "rows": rows})
    (line,) = (line for line in told.splitlines() if line.startswith("| topk: FVU at"))
    assert line == "| topk: FVU at L0 16 | **.200 ±.0000** | .310 ±.127 |  |  |"


def test_an_architecture_is_shown_once_every_library_has_every_seed() -> None:
    rows = [run(name, 0.4) for name in LIBRARIES]
    assert complete({"about": ABOUT | {"seeds": 1}, "rows": rows}) == ["topk"]
    assert complete({"about": ABOUT, "rows": rows}) == []
    assert complete({"about": {"command": "of an older form"}, "rows": []}) == []
    text = "a\n<!-- peers-tiny -->\nold\n<!-- /peers-tiny -->\nb"
    assert filled(text, {}) == text
    assert filled(text, {"peers-tiny": "new"}) == text.replace("old", "new")


def test_only_libraries_that_train_such_dictionaries_have_a_column() -> None:
    rows = [run(name, fvu, architecture="skip_transcoder", l0=8.0)
            for name, fvu in (("saetui", 0.2), ("sparsify", 0.3))]  # fmt: skip
    about = ABOUT | {"seeds": 1, "architectures": ["transcoder", "skip_transcoder"]}
    told = quality_table({"about": about, "rows": rows})
    assert told.splitlines()[0] == "| architecture | saetui | sparsify |"
    assert "| skip transcoder: FVU | **.200** | .300 |" in told
    assert told.endswith("Not run yet: transcoder.")
