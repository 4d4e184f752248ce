"""README and results cannot disagree: its tables are made from the files."""

from __future__ import annotations

import re
from typing import Any

from tests.bench.chosen_runs import in_our_time, shares
from tests.bench.quality_worlds import saved
from tests.bench.readme_tables import README, RESULTS, complete, filled, quality_table, tables
from tests.bench.side_by_side import LIBRARIES, Standing, compared


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
    # Their CPU time is ours, so that all tokens fit into it but for the run that was cut short.
    assert second.startswith("| topk: FVU, our CPU time | **.210 ±.127** | .400 | .300 ±.0000 |")
    assert "Another library is ahead here: topk (FVU: SAELens, within the intervals).\n" in told
    assert told.endswith("Not run yet: batchtopk, matryoshka, jumprelu, gated, standard.")


def test_all_that_is_told_stands_at_equal_tokens_and_at_equal_cpu_seconds() -> None:
    rows = [run("saetui", 0.2, seed=seed, found=0.9, mmcs=0.95, cpu=1.0) for seed in (0, 1)]
    for name in LIBRARIES.keys() - {"saetui"}:
        for seed in (0, 1):
            about = {"seed": seed, "mmcs": 0.5}
            rows.append(run(name, 0.3, found=0.4 + seed / 100, **about))
            rows.append(run(name, 0.4, steps=5, found=0.1, cpu=1.0, **about))
    lines = quality_table({"about": ABOUT, "rows": rows}).splitlines()
    names = ("FVU", "directions found", "MMCS")
    wanted = [name + when for name in names for when in ("", ", our CPU time")]
    assert [line.split("|")[1].strip() for line in lines[2:9]] == [
        f"topk: {name}" for name in (*wanted, "CPU seconds")
    ]
    assert lines[4].startswith("| topk: directions found | **.900 ±.0000** | .405 ±.0635 |")
    assert lines[5].startswith("| topk: directions found, our CPU time | **.900 ±.0000** | .100 ±")


def test_what_is_known_at_equal_tokens_alone_stands_not_for_equal_cpu_seconds() -> None:
    rows = [run("saetui", 0.2, cpu=1.0)]
    for name in LIBRARIES.keys() - {"saetui"}:
        short = run(name, 0.4, steps=5, cpu=1.0)
        del short["found"]
        rows += [run(name, 0.3), short]
    told = quality_table({"about": ABOUT | {"seeds": 1}, "rows": rows})
    assert "| topk: directions found | **.500** |" in told
    assert "topk: directions found, our CPU time" not in told


def test_a_library_no_slower_than_ours_has_its_whole_run_in_our_time() -> None:
    ours = [run("saetui", 0.2, seed=seed, cpu=1.0) for seed in (0, 1, 2)]
    cpu = {0: 2.0, 1: 0.9, 2: 2.0}
    rows = [run("sparsify", 0.3, seed=seed, cpu=cpu[seed]) for seed in cpu]
    rows.append(run("sparsify", 0.4, seed=0, steps=5, cpu=1.0))
    found = in_our_time({"about": ABOUT, "rows": ours + rows}, "topk")
    assert found["saetui"] == ours
    # Of the last seed half the steps would fit: a run that is not there.
    assert {row["seed"]: row["fvu"] for row in found["sparsify"]} == {0: 0.4, 1: 0.3}
    assert shares({"about": ABOUT, "rows": ours + rows}, ["topk"]) == [0.9, 1.0]


def test_where_intervals_overlap_the_table_says_so() -> None:
    standing = Standing()
    apart = compared({"saetui": [0.1, 0.11], "saelens": [0.9, 0.91]}, 1)
    close = {"saetui": [0.5, 0.6], "saelens": [0.55, 0.65], "sparsify": [5.0, 5.1]}
    standing.add("topk (FVU", apart)
    assert standing.told() == ""
    standing.add("gated (FVU", compared(close, 1))
    standing.add("gated (CE", compared(close, -1))
    assert standing.told() == (
        "\n\nAnother library is ahead here: gated (CE: sparsify)."
        "\n\nHere saetui's mean is the best, but its interval overlaps another library's: "
        "gated (FVU: SAELens)."
    )


def test_a_library_of_another_l0_is_compared_with_none() -> None:
    line = compared({"saetui": [0.4], "saelens": [0.1]}, 1, {"saelens": " (L0 80)"})
    assert line == ({"saetui": "**.400**", "saelens": ".100 (L0 80)"}, "saetui", ())
    assert compared({"saelens": [0.1]}, 1, {"saelens": " (L0 80)"}).best == ""


def test_make_runs_the_commands_under_the_tables() -> None:
    text = (README.parent / "Makefile").read_text("utf-8")
    recipe = re.search(r"^bench-dictionary:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert recipe
    ran = [line.partition("-m ")[2] for line in recipe[1].splitlines()]
    for path in [RESULTS / "peers_step.json", *RESULTS.glob("quality_*.json")]:
        shown = saved(path)["about"]["command"].partition("-m ")[2]
        assert any(f"{command} ".startswith(f"{shown} ") for command in ran), shown


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
