"""A line an architecture, from the results of steps and of quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bench.readme_short import dictionaries


def quality(library: str, fvu: float, **changes: Any) -> dict[str, Any]:
    about = {"architecture": "topk", "library": library, "steps": 10, "chosen": True, "l0": 8.0}
    about |= {"seed": 0, "cpu": 1.0 if library == "saetui" else 2.0}
    return about | {"fvu": fvu, "found": 1 - fvu, "ce_recovered": 0.9} | changes


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    steps = [{"architecture": "topk", "best_peer_ratio": ratio} for ratio in (3.04, 2.7)]
    steps += [{"architecture": "gated", "best_peer_ratio": 8.0}]
    about = {"rows": 100, "batch": 10, "k": 8}
    for name in ("synthetic", "smollm2"):
        (folder / f"quality_{name}_quick.json").write_text(
            json.dumps({"about": about, "rows": rows})
        )
    (folder / "peers_step.json").write_text(json.dumps({"rows": steps}))
    return folder


def test_ours_stands_beside_the_best_of_the_others(tmp_path: Path) -> None:
    rows = [quality("saetui", 0.2), quality("saetui", 0.3), quality("sparsify", 0.4)]
    rows += [quality("saelens", 0.35), quality("saelens", 0.6, steps=5)]
    rows += [quality("dictionary_learning", 0.01, l0=80.0)]  # no contest: ten times as many fire
    topk, gated = dictionaries(written(tmp_path, rows)).splitlines()[2:]
    fvu, found = "**.250**, .350, .600", "**.750**, .650, .400"
    recovered = "**.900**, **.900**, **.900**"
    assert topk == f"| topk | 2.7 to 3.0× | {fvu} | {found} | {fvu} | {recovered} |"
    assert gated == "| gated | 8.0 to 8.0× |  |  |  |  |"


def test_transcoders_were_measured_on_an_mlp(tmp_path: Path) -> None:
    folder = written(tmp_path, [])
    steps = {"rows": [{"architecture": "transcoder", "best_peer_ratio": 2.5}]}
    (folder / "peers_step.json").write_text(json.dumps(steps))
    rows = [quality(name, 0.4, architecture="transcoder") for name in ("saetui", "sparsify")]
    about = {"rows": 100, "batch": 10, "k": 8}
    (folder / "quality_mlp_quick.json").write_text(json.dumps({"about": about, "rows": rows}))
    (line,) = dictionaries(folder).splitlines()[2:]
    assert line == (
        "| transcoder | 2.5 to 2.5× |  |  | **.400**, **.400**, – | **.900**, **.900**, – |"
    )


def test_another_that_is_ahead_is_in_bold_and_without_results_there_is_no_table(
    tmp_path: Path,
) -> None:
    assert dictionaries(tmp_path) == ""
    rows = [quality("saetui", 0.3), quality("saelens", 0.2)]
    assert ".300, **.200**, – | .700, **.800**, –" in dictionaries(written(tmp_path, rows))
