"""What a model makes of the built-in tasks: ``python -m tests.bench.tasks smollm2 [FILE.jsonl …]``.

A line a task: how many pairs of how many fit, right answers and mean logit difference after the
clean prompts and, for a control, after the corrupt ones.
"""

from __future__ import annotations

import sys
from typing import Any

from jobs.model import load_model
from jobs.task import templates
from jobs.task.load import PAIRS, load_task
from jobs.task.prepare import prepare
from store import AskedWrongly


def main(model_name: str, *files: str) -> None:
    model: Any = load_model(model_name)
    own = [n for n in templates.TEMPLATES if n.startswith("tiny_") == (model_name == "tiny")]
    print(
        f"{PAIRS} pairs at most, seed 0, {model_name} in {str(model.dtype).removeprefix('torch.')}"
    )
    print("| task | pairs that fit | right | logit difference | right, corrupt | of corrupt |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in [*own, *files]:
        task = load_task(name, model)
        try:
            made = prepare(task, model, force=True)
        except AskedWrongly as error:
            print(f"| {name} | {error} |")
            continue
        all_ = len(task.examples)
        after = "— | —"
        if made.corrupt_accuracy is not None and made.corrupt_diff is not None:
            after = f"{made.corrupt_accuracy:.2f} | {made.corrupt_diff:.2f}"
        print(
            f"| `{name.rpartition('/')[2]}` | {all_ - made.n_dropped} of {all_} | "
            f"{made.accuracy:.2f} | {made.clean_diff:.2f} | {after} |",
            flush=True,
        )


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["tiny"]))
