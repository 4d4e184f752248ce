"""What each command prints, and what it says when it is asked wrongly."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from store import Workspace
from store.cache import Shelf
from tests import workspaces
from tests.workspaces import HOSTILE, PROFILED, UNPROFILED

DICT = PROFILED[0]


def test_init_makes_a_workspace_once(saetui, tmp_path: Path) -> None:
    made = saetui("init", "new", "--model", "tiny", "--corpus", "grammar:", "--json")
    assert made.status == 0
    assert made.json["defaults"] == {"model": "tiny", "corpus": "grammar:"}
    assert (Path(made.json["workspace"]) / "workspace.toml").is_file()

    again = saetui("init", "new")
    assert (again.status, again.out) == (2, "")
    assert "is a workspace already" in again.err


def test_init_leaves_a_folder_with_other_files_alone(saetui) -> None:
    Path("full").mkdir()
    Path("full/thesis.tex").touch()
    refused = saetui("init", "full")
    assert refused.status == 2
    assert [path.name for path in Path("full").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["jbos"], "did you mean 'jobs'?"),
        (["features", "-w", "nowhere"], "is not a workspace"),
        (["jobs"], "make one with `saetui init DIR`"),
        (["sql"], "Missing argument"),
        (["sql", "--fromat", "csv", "SELECT 1"], "--format"),
        (["docs", "tabels"], "did you mean 'tables'?"),
        (["demo", "--model", "gpt5", "--headless"], "smollm2 and tiny"),
        (["jobs", "lgos"], "did you mean 'logs'?"),
        (["jobs", "train_sae-1"], "saetui jobs show train_sae-1"),
    ],
)
def test_a_mistake_is_named_with_what_was_probably_meant(saetui, line, says) -> None:
    ended = saetui(*line)
    assert ended.status == 2
    assert ended.out == ""
    assert says in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["features", "tiny/L1.resid_post/topk-256-k8-s1"], DICT),
        (["features", DICT, "--sort", "densty"], "did you mean 'density'?"),
        (["feature", DICT], "saetui feature"),
        (["feature", f"{DICT}#256"], "it has 0 to 255"),
        (["feature", DICT, "-1"], "it has 0 to 255"),
        (["feature", "tiny/L9", "1"], "There is no dictionary"),
        (["jobs", "show", "train_sea-1"], "train_sae-1"),
        (["jobs", "cancel", "train_sae-1"], "is done already"),
        (["run", "train_sea"], "did you mean train_sae"),
        (["run", "train_sae", "hoks=L1.resid_post"], "did you mean hooks"),
        (["run", "train_sae", "hooks=L1.residpost", "--dry-run"], "resid_post"),
        (["run", "train_sae", "hooks=L1.resid_post", "d_sae=0", "--dry-run"], "d_sae"),
        (["run", "train_sae", "hooks"], "key=value"),
        (["run", "missing.toml"], "cannot be read"),
        (["run", "train_sae", "hooks=L1.resid_post", "--backend", "slurn"], "backend"),
        (["run", "profile", f"dictionaries={DICT}x", "--dry-run"], DICT),
    ],
)
def test_a_mistake_about_the_workspace_names_the_nearest(saetui, garden, line, says) -> None:
    jobs_before = sorted((garden / "jobs").iterdir())
    ended = saetui("-w", garden, *line)
    assert ended.status == 2
    assert ended.out == ""
    assert says in ended.err
    assert sorted((garden / "jobs").iterdir()) == jobs_before


def test_the_workspace_is_the_option_then_the_variable_then_the_folder(
    saetui, garden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saetui("init", tmp_path / "other")
    rows = [
        saetui("-w", garden, "features", "--json"),
        saetui("features", "-w", garden, "--json"),
    ]
    monkeypatch.chdir(garden)
    rows.append(saetui("features", "--json"))
    monkeypatch.setenv("SAETUI_WORKSPACE", str(tmp_path / "other"))
    assert saetui("features", "--json").json == []
    rows.append(saetui("features", "-w", garden, "--json"))
    assert all(len(ended.json) == 4 for ended in rows)


def test_features_lists_dictionaries_with_their_quality(saetui, garden) -> None:
    listed = saetui("-w", garden, "features")
    assert listed.out.splitlines()[0].split()[:2] == ["dictionary", "d_sae"]
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == [*PROFILED, UNPROFILED]


def test_features_are_sorted_searched_and_cut(saetui, garden) -> None:
    by_density = saetui("-w", garden, "features", DICT, "--limit", 10, "--json").json
    densities = [row["density"] for row in by_density]
    assert len(densities) == 10
    assert densities == sorted(densities, reverse=True)

    by_max = saetui("-w", garden, "features", DICT, "--sort", "max_activation", "--json").json
    strongest = [row["max_activation"] for row in by_max]
    assert strongest == sorted(strongest, reverse=True)

    labelled = saetui("-w", garden, "features", DICT, "--search", "plural nouns", "--json").json
    assert [row["feature"] for row in labelled] == [7]


def test_features_of_several_dictionaries_are_one_list(saetui, garden) -> None:
    other = PROFILED[1]
    asked = ("-w", garden, "features", DICT, other, "--sort", "max", "--limit", 40)
    found = saetui(*asked, "--json").json
    assert {row["dictionary"] for row in found} == {DICT, other}
    strongest = [row["max_activation"] for row in found]
    assert strongest == sorted(strongest, reverse=True)
    listed = saetui(*asked)
    assert listed.out.split()[0] == "dictionary" and "of 512 features" in listed.err


def test_features_say_why_there_are_none(saetui, garden) -> None:
    unprofiled = saetui("-w", garden, "features", UNPROFILED)
    assert unprofiled.status == 0
    assert f"saetui run profile dictionaries={UNPROFILED}" in unprofiled.err
    unfound = saetui("-w", garden, "features", DICT, "--search", "xyzzy")
    assert "'xyzzy'" in unfound.err


def test_a_feature_page_shows_its_contexts_around_their_peaks(saetui, garden) -> None:
    by_two = saetui("-w", garden, "feature", DICT, 7)
    by_one = saetui("-w", garden, "feature", f"{DICT}#7")
    assert by_two == by_one
    assert by_two.status == 0
    assert f"{DICT}#7  plural nouns after “the”" in by_two.out

    page = saetui("-w", garden, "feature", f"{DICT}#7", "--json").json
    top = page["top_activations"][0]
    peak = top["pieces"][top["pos"] - top["first"]]
    assert f"«{peak}»" in by_two.out
    assert top["activation"] == page["max_activation"]
    assert page["neighbors"][0]["cosine"] >= page["neighbors"][1]["cosine"]
    assert page["notes"][0]["note"] == "strong in subjects"


def test_a_feature_without_a_profile_says_what_makes_one(saetui, garden) -> None:
    page = saetui("-w", garden, "feature", UNPROFILED, 0)
    assert (page.status, page.out) == (1, "")
    assert "saetui run profile" in page.err


def test_what_data_says_never_reaches_the_terminal_as_control(saetui, garden) -> None:
    for line in (
        ["features", DICT, "--search", "bold"],
        ["feature", f"{DICT}#{HOSTILE}"],
        ["sql", f"SELECT label, top_tokens FROM features WHERE feature = {HOSTILE}"],
    ):
        shown = saetui("-w", garden, *line)
        assert shown.status == 0
        assert "[red]bold[/]" in shown.out  # and markup is only text
        assert not {"\x1b", "\u202e", "\u200b"} & set(shown.out + shown.err)


def test_json_keeps_data_as_it_is(saetui, garden) -> None:
    page = saetui("-w", garden, "feature", f"{DICT}#{HOSTILE}", "--json").json
    assert page["label"] == "[red]bold[/] \x1b[2J\u202egone "


def test_docs_come_from_the_declarations(saetui) -> None:
    assert "## top_activations" in saetui("docs", "tables").out
    jobs = saetui("docs", "jobs").out
    assert "- `k` (list of whole numbers, greater than 0; default 32)" in jobs
    for topic in ("models", "corpora", "tasks", "keys", "files"):
        assert saetui("docs", topic).out.startswith("# ")
    assert "`( wave [ anchor` → `]`, not `)`" in saetui("docs", "tasks").out
    assert saetui("docs").out.count("saetui docs") == 7


def test_doctor_finds_a_damaged_part_and_names_it(saetui, tmp_path: Path) -> None:
    from tests import workspaces

    root = workspaces.make(tmp_path / "broken", jobs=False, documents=8).root
    assert saetui("doctor", root).status == 0
    part = next(root.glob("tables/neighbors/*/part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-9])

    told = saetui("doctor", root, "--json")
    assert told.status == 1
    assert str(part) in [finding["where"] for finding in told.json["findings"]]
    assert told.json["machine"]["duckdb"]
    assert saetui("-w", root, "sql", "SELECT count(*) FROM features").status == 0


def test_doctor_without_a_workspace_looks_at_the_machine(saetui) -> None:
    told = saetui("doctor")
    assert told.status == 0
    assert "only the machine was looked at" in told.out


def test_gc_on_a_workspace_with_nothing_to_remove(saetui, garden) -> None:
    assert saetui("gc", garden, "--dry-run", "--json").json == {"dry_run": True, "removed": []}
    assert saetui("gc", garden).out == "Nothing to remove.\n"


def test_gc_takes_kept_activations_that_no_job_uses(saetui, garden) -> None:
    with closing(Shelf(garden, "tiny/L1.resid_post/0123", {})) as shelf:
        shelf.write("key", lambda path: path.write_bytes(b"activations"))
    assert saetui("gc", garden).out == "Nothing to remove.\n"
    listed = saetui("gc", garden, "--list").out.splitlines()
    assert listed[0].split() == ["id", "size", "unused", "for"]
    assert listed[1].split()[:2] == ["tiny/L1.resid_post/0123", "14"] and len(listed) == 2
    (one,) = saetui("gc", garden, "--list", "--json").json
    assert (one["id"], one["size"], one["about"]) == ("tiny/L1.resid_post/0123", 14, {})
    assert saetui("gc", garden, "--cache").out == f"{shelf.folder}\nRemoved 1 place.\n"
    assert saetui("gc", garden, "--list").out.startswith("No activations are kept")


def test_prompt_refuses_what_is_no_feature_before_it_loads_anything(saetui, garden: Path) -> None:
    ended = saetui("prompt", "-w", garden, f"{DICT}#999", "the dog")
    assert ended.status == 2 and "it has 0 to 255" in ended.err
    ended = saetui("prompt", "-w", garden, "tiny/L1.resid_post/topk-256-k8-s1", "the dog")
    assert ended.status == 2 and DICT in ended.err


def test_feature_json_holds_everything_on_its_page(saetui, garden: Path) -> None:
    told = saetui("feature", "-w", garden, f"{DICT}#7", "--json").json
    assert told["label"] and told["notes"][0]["note"] == "strong in subjects"
    for part in ("histogram", "promoted", "suppressed", "neighbors", "density_histogram"):
        assert told[part], part
    together = [near["coactivation"] for near in told["coactive"]]
    assert together and together == sorted(together, reverse=True)
    assert {top["quantile"] is None for top in told["top_activations"]} == {True, False}
    dead = saetui("feature", "-w", garden, f"{DICT}#15")
    assert "It fired on none of the profiled tokens." in dead.out


def test_dictionaries_are_listed_and_compared_side_by_side(saetui, garden) -> None:
    listed = saetui("-w", garden, "dictionaries", "--json").json
    assert [row["dictionary"] for row in listed] == [*PROFILED, UNPROFILED]
    assert (listed[0]["profiled_tokens"], listed[0]["labels"]) == (320, 2)
    assert listed[-1]["profiled_tokens"] is None

    two = saetui("-w", garden, "dictionaries", PROFILED[1], PROFILED[0])
    lines = two.out.splitlines()
    assert lines[0].split() == [PROFILED[1], PROFILED[0]]
    assert next(line for line in lines if line.startswith("fvu")).split() == [
        "fvu",
        "0.175",
        "0.124",
    ]
    assert saetui("-w", garden, "dictionaries", DICT + "x").status == 2


def test_side_by_side_stands_what_evaluations_measured(saetui, garden, tmp_path) -> None:
    where = Path(shutil.copytree(garden, tmp_path / "evaluated"))
    seeds = [("seed_cosine", value, f"seed {value}") for value in (0.4, 0.6)]
    whole = [("kl", 0.25, None), ("fvu", 0.99, None), ("log10_density", -2.5, "p50")]
    parts = [("kl", 0.5, "a concept"), ("max_cosine", 0.9, None), ("max_cosine", 1.0, "p50")]
    workspaces.evaluate(Workspace(where), DICT, *whole, *seeds, *parts)
    one, other = saetui("-w", where, "dictionaries", DICT, UNPROFILED, "--json").json
    assert (one["kl"], one["log10_density"], one["seed_cosine"]) == (0.25, -2.5, 0.5)
    assert one["max_cosine"] == 0.9  # the mean over features, not their median as well
    assert one["fvu"] == 0.124  # what the list shows, that of the profile, stands
    assert other["kl"] is None
    shown = saetui("-w", where, "dictionaries", DICT, UNPROFILED).out.splitlines()
    assert next(line for line in shown if line.startswith("kl")).split() == ["kl", "0.25", "—"]


def test_the_overview_is_one_document(saetui, garden) -> None:
    told = saetui("-w", garden, "overview", "--json").json
    assert {job["job"] for job in told["live_jobs"]} <= {"train_sae-3", "profile-2"}
    assert len(told["dictionaries"]) == 4 and told["models"][0]["model"] == "tiny"
    assert told["machine"]["free"] > 0
    assert all(step["command"].startswith("saetui ") for step in told["next"])
    printed = saetui("-w", garden, "overview").out
    assert "free of" in printed and DICT in printed and "saetui run profile" in printed


def test_the_lineage_of_a_job_is_told(saetui, garden) -> None:
    shown = saetui("-w", garden, "jobs", "show", "profile-1", "--json").json
    told = saetui("-w", garden, "jobs", "lineage", "profile-1", "--json").json
    assert shown["lineage"] == told
    read = {thing["id"]: thing["jobs"] for thing in told["read"]}
    assert read[DICT] == ["train_sae-1"]
    assert {"features", "neighbors"} <= {thing["kind"] for thing in told["made"]}
    assert DICT in saetui("-w", garden, "jobs", "lineage", "profile-1").out


def test_curves_and_logs_of_jobs_are_documents_too(saetui, garden) -> None:
    curves = saetui("-w", garden, "jobs", "curves", "train_sae-1", "--json").json
    assert [each["series"] for each in curves] == list(PROFILED)
    assert curves[0]["points"][-1]["step"] == 120
    assert "fvu" in saetui("-w", garden, "jobs", "curves", "train_sae-1").out.splitlines()[0]
    logs = saetui("-w", garden, "jobs", "logs", "train_sae-1", "-n", "2", "--json").json
    assert logs["lines"] == ["4 layers, d_model 128", "made on 2 threads"]
    assert saetui("-w", garden, "jobs", "logs", "train_sae-1", "-f", "--json").status == 2


@pytest.mark.parametrize("words", [("--ssh", "DIR"), ("DIR", "--ssh"), ("-w", "DIR", "--ascii")])
def test_options_of_the_workbench_may_stand_before_the_folder(saetui, garden, words) -> None:
    ended = saetui(*(garden if word == "DIR" else word for word in words))
    assert ended.status == 2 and "The workbench needs a terminal" in ended.err
