"""What is asked for by hand: SQL whole in one key, and before what the workspace prefers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saetui import submit
from store import Workspace
from tests import workspaces

EARLY, LATE = workspaces.PROFILED[0], workspaces.PROFILED[2]
SLICE = "sql:SELECT corpus, doc, 3 AS pos FROM documents"
CIRCUIT = ("circuit", f"dictionaries={EARLY}", "metric=kl", "ablation=mean")
ABLATE = ("ablate", f"dictionaries={EARLY},{LATE}", f"features={EARLY}#7")


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace as `saetui init --model tiny --corpus grammar:` and the demo make it."""
    made = workspaces.make(tmp_path_factory.mktemp("asking") / "ws", jobs=False).workspace
    made.set_defaults(corpus="grammar:")
    return made


@pytest.fixture
def asked(saetui, ws: Workspace):
    """The specs that ``saetui run …`` would submit."""

    def dry(*words: str) -> list[dict[str, Any]]:
        ended = saetui("run", "-w", ws.root, *words, "--dry-run", "--json")
        assert ended.status == 0, ended.err
        return [job["spec"] for job in ended.json]

    return dry


@pytest.mark.parametrize("kind", [CIRCUIT, ABLATE])
def test_a_slice_is_written_as_its_sql_is(asked, kind: tuple[str, ...]) -> None:
    (spec,) = asked(*kind, f"task={SLICE}")
    assert spec["task"] == SLICE


def test_a_slice_is_whole_in_a_file_too(asked) -> None:
    Path("job.toml").write_text(
        f'kind = "circuit"\ntask = "{SLICE}"\ndictionaries = ["{EARLY}"]\nmetric = "kl"\n'
    )
    assert [spec["task"] for spec in asked("job.toml")] == [SLICE]


def test_tasks_go_by_commas_and_a_slice_begins_where_it_says_so(asked) -> None:
    tasks = [spec["task"] for spec in asked(*CIRCUIT, f"task=agreement,{SLICE}, {SLICE},range(2)")]
    assert tasks == ["agreement", SLICE, f"{SLICE},range(2)"]
    assert [spec["task"] for spec in asked(*CIRCUIT, "task=agreement,ioi")] == ["agreement", "ioi"]


def test_what_the_form_proposes_is_the_same_slice(ws: Workspace) -> None:
    raw = {"task": submit.typed(SLICE), "dictionaries": EARLY, "metric": "kl", "ablation": "mean"}
    checked = submit.check(lambda: ws, "circuit", raw)
    assert checked.jobs == 1
    _, again = submit.asked_in(checked.command)
    assert submit.check(lambda: ws, "circuit", again).command == checked.command
    assert submit.check(lambda: ws, "circuit", {**raw, "task": SLICE}).command == checked.command


@pytest.mark.parametrize(
    "what", ["task=agreement", "contexts=SELECT corpus, doc FROM documents WHERE doc < 9"]
)
def test_what_is_to_be_read_is_asked_before_the_workspace(asked, what: str) -> None:
    (spec,) = asked(*ABLATE, what)
    key, _, value = what.partition("=")
    assert (spec[key], spec["corpus"]) == (value, None)


def test_without_another_text_the_dictionaries_own_is_read(asked) -> None:
    """The workspace's is for what has none: the job takes it then."""
    profile = ("profile", f"dictionaries={EARLY}")
    for words in (ABLATE, (*ABLATE, "task=none"), profile):
        assert asked(*words)[0]["corpus"] is None
        assert asked(*words, "corpus=docs:")[0]["corpus"] == "docs:"


def test_two_texts_are_still_refused(saetui, ws: Workspace) -> None:
    ended = saetui("run", "-w", ws.root, *ABLATE, "corpus=grammar:", "task=agreement", "--dry-run")
    assert ended.status == 2
    assert "corpus and task both say what to read; give one of them." in ended.err


def test_a_job_asked_again_says_what_differs_where_defaults_gave_way(ws: Workspace) -> None:
    ablate = {"dictionaries": [EARLY], "features": [f"{EARLY}#7"], "task": "agreement"}
    _, values = submit.values_of(lambda: ws, {"kind": "ablate", **ablate})
    assert set(values) == set(ablate)
    taken = {"source": "owner/repo", "model": "tiny", "corpus": "grammar:"}
    _, values = submit.values_of(lambda: ws, {"kind": "import_sae", **taken})
    assert values == {"source": "owner/repo", "model": "tiny"}


def test_a_source_brings_its_own_model(asked) -> None:
    (spec,) = asked("import_sae", "source=truth:two_hop/L0.mlp_out", "corpus=truth:two_hop")
    assert (spec["model"], spec["hook"]) == (None, None)
    assert asked("import_sae", "source=owner/repo", "model=smollm2")[0]["model"] == "smollm2"


@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*CIRCUIT, f"task={SLICE} WHERE doc < 0"), "The slice's SQL chose no rows"),
        ((*CIRCUIT, "task=sql:SELECT doc, pos FROM tokens"), "Table with name tokens does not exi"),
        ((*CIRCUIT, "task=sql:SELECT doc, 1 AS pos FROM documents"), "doc, pos, and no corpus"),
        ((*CIRCUIT, "task=sql:DROP TABLE documents"), "Only statements that read are run here"),
        ((*CIRCUIT, "task=sql:SELECT corpus, error('x') AS doc FROM documents"), "Error: x"),
        ((*CIRCUIT, "task=bad.jsonl"), "bad.jsonl line 1: not JSON"),
        ((*CIRCUIT, "task=agreement", "clusters=gone"), "No run of cluster is called 'gone'"),
        ((*ABLATE, "contexts=SELECT doc FROM documents"), "contexts gives columns doc; it needs"),
        ((*ABLATE, "contexts=SELECT corpus, doc FROM documents LIMIT 0"), "contexts gives no rows"),
        ((*ABLATE[:2], "cluster=gone#3"), "There is no cluster run 'gone'"),
        ((*ABLATE[:2], "select=SELECT 'x' AS dictionary, 1 AS feature"), "gives features of x,"),
    ],
)
def test_what_can_be_known_is_said_before_a_job_waits_for_it(
    saetui, ws: Workspace, words: tuple[str, ...], says: str, dry: list[str]
) -> None:
    Path("bad.jsonl").write_text("{\n")
    ended = saetui("run", "-w", ws.root, *words, *dry)
    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err
    assert not list((ws.root / "jobs").iterdir())


def test_what_an_earlier_stage_may_still_write_is_not_missed(asked) -> None:
    Path("two.toml").write_text(
        f'[groups]\nkind = "cluster"\ndictionaries = ["{EARLY}"]\nname = "mine"\n'
        f'[search]\nkind = "circuit"\ndictionaries = ["{EARLY}"]\nmetric = "kl"\n'
        f'task = "{SLICE} WHERE doc < 0"\nnodes = "clusters"\nclusters = "mine"\n'
        'after = "groups"\n'
    )
    assert [spec["kind"] for spec in asked("two.toml")] == ["cluster", "circuit"]
