"""Activations kept on disk: read instead of the model, to the same bytes, never trusted blindly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from jobs.dictionary.cache import ActivationCache, identified
from jobs.dictionary.stream import ActivationStream
from jobs.names import Hook
from store import AskedWrongly, Workspace, cache, gc
from tests.unit.dictionary.worlds import HOOK, OTHER, PretendCorpus, PretendModel

PLENTY = 10_000_000
BLOCK = 512 * 32 * 2
"""Bytes of a block's activations at one hook: 512 tokens, 32 dimensions, bfloat16."""


class Kept:
    """One job's stream over a cache in `root`."""

    def __init__(
        self, root: Path, limit: int = PLENTY, named: Sequence[str] = (), **changes: object
    ) -> None:
        hooks = changes.pop("hooks", [HOOK, OTHER])
        self.model = changes.pop("model", None) or PretendModel()
        self.said: list[str] = []
        self.cache = ActivationCache(
            *(root, limit, self.model, hooks),
            named=named,
            about={"model": "pretend"},
            say=self.said.append,
        )
        asked = {"tokens": 2048, "batch": 128, "buffer": 512, "forward": 8} | changes
        self.stream = ActivationStream(
            self.model, PretendCorpus(), hooks, cache=self.cache, **asked
        )

    def read(self) -> list[dict[Hook, Tensor]]:
        self.stream.begin()
        got = []
        while self.stream.more():
            got.append(self.stream.next().x)
        self.cache.close()
        return got

    @property
    def passes(self) -> int:
        """Forward passes, but for the one that identified the model."""
        return self.model.passes - 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Workspace.create(tmp_path / "ws").root


@pytest.fixture
def plain() -> list[dict[Hook, Tensor]]:
    stream = ActivationStream(
        *(PretendModel(), PretendCorpus(), [HOOK, OTHER]),
        tokens=2048,
        batch=128,
        buffer=512,
        forward=8,
    )
    stream.begin()
    return list(iter_batches(stream))


def iter_batches(stream: ActivationStream) -> Iterator[dict[Hook, Tensor]]:
    while stream.more():
        yield stream.next().x


def assert_same(got: list[dict[Hook, Tensor]], wanted: list[dict[Hook, Tensor]]) -> None:
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert all(torch.equal(a[hook], b[hook]) for hook in a)


def chunks(root: Path, hook: Hook = HOOK) -> list[Path]:
    return sorted(
        path for path in (root / "cache").glob(f"*/{hook.label}/*/*") if path.stem != "about"
    )


def test_a_second_job_reads_the_same_without_the_model(root: Path, plain: list) -> None:  # type: ignore[type-arg]
    first, second = Kept(root), Kept(root)
    assert_same(first.read(), plain)
    assert first.passes == 16 and first.cache.found == 0
    assert_same(second.read(), plain)
    assert second.passes == 0 and second.cache.found == 2048
    assert not list((root / ".staging").iterdir())


def test_what_two_jobs_share_is_read_once(root: Path) -> None:
    """Other hooks beside it, and fewer tokens or more: the blocks that are the same are shared."""
    Kept(root).read()
    fewer = Kept(root, hooks=[OTHER], tokens=1024)
    fewer.read()
    assert fewer.passes == 0
    more = Kept(root, tokens=4096)
    more.read()
    assert more.cache.found == 2048 and more.passes == 16
    wider = Kept(root, hooks=[HOOK, Hook(0, "attn_out")], tokens=1024)
    wider.read()
    assert wider.passes == 8 and len(chunks(root)) == 8


def test_another_model_or_another_text_is_not_mistaken_for_it(root: Path) -> None:
    Kept(root).read()
    tuned = PretendModel()
    tuned.true = tuned.true * 1.01
    other = Kept(root, model=tuned)
    other.read()
    assert other.cache.found == 0 and other.passes == 16
    cut = Kept(root, buffer=256)
    cut.read()
    assert cut.cache.found == 0


def test_the_probe_tells_precision_and_hooks_apart() -> None:
    class Exact(PretendModel):
        def activations(self, tokens: Tensor, hooks: list[Hook]) -> dict[Hook, Tensor]:
            return {hook: x.float() for hook, x in super().activations(tokens, hooks).items()}

    ids = identified(PretendModel(), [HOOK, OTHER], "cpu")
    assert ids == identified(PretendModel(), [HOOK, OTHER], "cpu")
    assert ids[HOOK] != ids[OTHER]
    assert identified(Exact(), [HOOK], "cpu")[HOOK] != ids[HOOK]


def ids(root: Path) -> list[str]:
    return [one.id for one in cache.kept(root)]


def test_what_is_named_is_read_and_nothing_is_kept_beside_it(
    root: Path,
    plain: list,  # type: ignore[type-arg]
) -> None:
    Kept(root, tokens=1024).read()
    used = cache.used(root)
    second = Kept(root, 0, ids(root))
    assert_same(second.read(), plain)
    assert second.cache.found == 1024 and second.passes == 8, "the model gives what is not there"
    assert cache.used(root) == used and not second.said


def test_what_is_named_must_be_of_the_jobs_model_and_text(root: Path) -> None:
    Kept(root, hooks=[HOOK]).read()
    named, tuned = ids(root), PretendModel()
    tuned.true = tuned.true * 1.01
    other = Kept(root, 0, named, hooks=[HOOK], model=tuned)
    with pytest.raises(AskedWrongly, match="would not do: with this job's weights, revision, dtyp"):
        other.read()
    with pytest.raises(AskedWrongly, match="holds nothing of this job's text: what is kept serves"):
        Kept(root, 0, named, hooks=[HOOK], buffer=256).read()
    assert ids(root) == named


def test_what_is_kept_is_listed_with_its_size_and_age(root: Path) -> None:
    Kept(root, hooks=[HOOK]).read()
    (path,) = (root / "cache").glob("**/about.json")
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3600))
    (one,) = cache.kept(root)
    assert one.about == {"model": "pretend", "hook": HOOK.name}
    assert one.size == cache.used(root) > 4 * BLOCK and 3600 <= one.unused < 7200


def test_damage_is_noticed_told_and_mended(root: Path, plain: list) -> None:  # type: ignore[type-arg]
    Kept(root).read()
    victim = chunks(root)[1]
    content = bytearray(victim.read_bytes())
    content[-5] ^= 1
    victim.write_bytes(content)
    second = Kept(root)
    assert_same(second.read(), plain)
    (said,) = second.said
    assert "L0.resid_post" in said and "were damaged; the model gives them again." in said
    assert second.passes == 4, "one block of four"
    third = Kept(root)
    assert_same(third.read(), plain)
    assert third.passes == 0 and not third.said


def test_no_more_is_kept_than_allowed(root: Path, plain: list) -> None:  # type: ignore[type-arg]
    limit = 5 * BLOCK
    first = Kept(root, limit)
    assert_same(first.read(), plain)
    assert first.said == ["cache=163.8 kB is full: further activations are not kept"]
    assert cache.used(root) <= limit
    second = Kept(root, limit)
    assert_same(second.read(), plain)
    assert second.passes == 8, "half of the blocks were kept for both hooks"


def test_what_was_unused_longest_makes_room(root: Path) -> None:
    old, used = Kept(root, hooks=[HOOK]), Kept(root, hooks=[OTHER])
    old.read()
    used.read()
    fresh = Kept(root, 9 * BLOCK, hooks=[Hook(0, "attn_out")])
    fresh.read()
    assert not chunks(root, HOOK) and len(chunks(root, OTHER)) == 4
    assert len(chunks(root, Hook(0, "attn_out"))) == 4 and not fresh.said


def test_no_more_makes_room_than_must(root: Path) -> None:
    """Three blocks of two hooks are there; one block more needs the hook that is longest unused."""
    Kept(root, hooks=[HOOK], tokens=1536).read()
    Kept(root, hooks=[OTHER], tokens=1536).read()
    fresh = Kept(root, 7 * BLOCK, hooks=[Hook(0, "attn_out")], tokens=512)
    fresh.read()
    assert not chunks(root, HOOK) and len(chunks(root, OTHER)) == 3
    assert len(chunks(root, Hook(0, "attn_out"))) == 1 and not fresh.said


def test_where_a_block_does_not_fit_nothing_makes_room_for_it(root: Path) -> None:
    Kept(root, hooks=[HOOK]).read()
    small = Kept(root, BLOCK // 2, hooks=[OTHER])
    small.read()
    assert len(chunks(root, HOOK)) == 4 and not chunks(root, OTHER)
    assert small.said == [
        "cache=16.4 kB does not hold one block of 32.9 kB: activations are not kept; give more, "
        "or a smaller buffer"
    ]


def test_where_what_may_go_is_too_little_it_stays(root: Path) -> None:
    """The hook in use holds four blocks; the idle one's four would not make room for five."""
    busy = Kept(root, hooks=[HOOK])
    busy.stream.begin()
    while busy.stream.more():
        busy.stream.next()
    Kept(root, hooks=[OTHER]).read()
    wide = Kept(root, 9 * BLOCK, hooks=[Hook(0, "attn_out")], buffer=3072, tokens=3072)
    wide.read()
    assert len(chunks(root, HOOK)) == 4 and len(chunks(root, OTHER)) == 4
    assert wide.said == ["cache=294.9 kB is full: further activations are not kept"]
    busy.cache.close()


def test_what_a_job_uses_stays_and_the_rest_is_garbage_in_time(root: Path) -> None:
    workspace, reading = Workspace(root), Kept(root)
    reading.stream.begin()
    assert gc.collect(workspace, unused=0) == []
    reading.cache.close()
    assert gc.collect(workspace) == [], "it may be wanted again within a week"
    assert len(gc.collect(workspace, unused=0)) == 2
    assert not list((root / "cache").iterdir())


def test_a_full_disk_does_not_stop_the_job(
    root: Path,
    plain: list,  # type: ignore[type-arg]
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jobs.dictionary.cache.save_file", full)
    job = Kept(root)
    assert_same(job.read(), plain)
    (said,) = job.said
    assert said.startswith("activations are kept no further: No space left on the disk")
    assert not chunks(root) and not list((root / ".staging").iterdir())
