"""Stages that name what earlier stages make."""

from __future__ import annotations

import pytest

from jobs.pipeline import plan, read_file, submit_file
from jobs.state import list_jobs
from store import AskedWrongly

TRAIN = {"kind": "train_sae", "hooks": ["L0.mlp_out"], "d_sae": 64, "k": 4}


def test_a_later_stage_reads_what_an_earlier_one_makes():
    train, profile = plan(
        {"train": TRAIN, "look": {"kind": "profile", "dictionaries": "@train", "tokens": 1000}}
    )
    assert profile.spec.dictionaries == ["tiny/L0.mlp_out/topk-64-k4-s0"] == train.spec.outputs()
    assert profile.after == (0,)


def test_a_list_may_mix_stages_and_ids():
    more = {**TRAIN, "seed": [1, 2]}
    last = plan(
        {
            "one": TRAIN,
            "two": more,
            "look": {"kind": "profile", "dictionaries": ["@two", "x/y", "@one"]},
        }
    )[-1]
    assert [name[-2:] for name in last.spec.dictionaries] == ["s1", "s2", "/y", "s0"]
    assert last.after == (0, 1)


def test_a_sweep_in_a_stage_is_waited_for_whole():
    swept = {**TRAIN, "model": ["tiny", "smollm2"]}
    planned = plan({"train": swept, "look": {"kind": "profile", "dictionaries": "@train"}})
    assert len(planned) == 3
    assert planned[-1].after == (0, 1)


def test_after_waits_without_reading():
    planned = plan({"one": TRAIN, "two": {**TRAIN, "seed": 1, "after": ["one"]}})
    assert planned[1].after == (0,)


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ({}, "No stage is in it"),
        ({"train": 3}, "stage train: it needs kind"),
        ({"train": {"hooks": ["L0.mlp_out"]}}, "stage train: it needs kind"),
        ({"train": {**TRAIN, "hoks": 1}}, "stage train: train_sae has no key 'hoks'"),
        (
            {"look": {"kind": "profile", "dictionaries": "@train"}, "train": TRAIN},
            "stage look: it names train, which does not come before it",
        ),
        (
            {"train": TRAIN, "look": {"kind": "profile", "dictionaries": "@trian"}},
            "'trian', which is no stage; did you mean train",
        ),
        ({"look": {"kind": "profile", "dictionaries": "@look"}}, "does not come before it"),
        ({"one": {**TRAIN, "after": [3]}}, "after is a list of stage names"),
    ],
)
def test_what_is_wrong_names_stage_and_key(stages, sentence):
    with pytest.raises(AskedWrongly, match=sentence):
        plan(stages)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"kind = 3 3", "is not valid TOML: .*line 1"),
        (b"\xff\xfe\x00", "is not text"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path, content, sentence):
    path = tmp_path / "pipeline.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AskedWrongly, match=sentence):
        read_file(path)


def test_a_file_with_a_kind_at_its_top_is_one_job(workshop, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('kind = "count"\nsteps = 3\n')
    (job,) = submit_file(workshop, path)
    assert job.wait(30).state == "done"


def test_a_pipeline_runs_its_stages_in_order(workshop, tmp_path):
    path = tmp_path / "pipeline.toml"
    path.write_text(
        '[first]\nkind = "count"\nsteps = 5\npause = 0.05\n'
        '[second]\nkind = "count"\nsteps = [1, 2]\nafter = "first"\n'
    )
    first, *second = submit_file(workshop, path)
    ended = [job.wait(30) for job in second]
    assert [state.state for state in ended] == ["done", "done"]
    assert all(state.after == (first.id,) for state in ended)
    assert min(state.started_at for state in ended) >= first.state().ended_at


def test_nothing_is_submitted_unless_all_is_valid(workshop, tmp_path):
    path = tmp_path / "pipeline.toml"
    path.write_text('[a]\nkind = "count"\n[b]\nkind = "count"\nsteps = "many"\n')
    with pytest.raises(AskedWrongly, match="stage b: count: steps='many'"):
        submit_file(workshop, path)
    path.write_text('[a]\nkind = "count"\n[b]\nkind = "count"\nneeds = ["no/such/dictionary"]\n')
    with pytest.raises(AskedWrongly, match="no/such/dictionary"):
        submit_file(workshop, path)
    assert list_jobs(workshop) == []


def test_two_jobs_of_one_request_cannot_make_the_same_dictionary(workshop, tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text('kind = "count"\nmakes = ["m/L0.mlp_out/x"]\nsteps = [1, 2]\n')
    with pytest.raises(AskedWrongly, match="made by another job of the same request"):
        submit_file(workshop, path)
    assert list_jobs(workshop) == []
