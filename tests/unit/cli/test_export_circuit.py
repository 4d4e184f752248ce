"""``saetui export circuit``: JSON, DOT, SVG and one page, whatever the texts in it try."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from store import Workspace
from tests import connected, traced

ATTACK = '</script><img src=x onerror=alert(1)>"\\ \u202e\x1b[2J]]>'
"""Text that tries to end where it stands, and to begin something else."""


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = traced.make(tmp_path_factory.mktemp("exports") / "garden", hostile=True)
    Workspace(made.root).label(traced.LATE, 26, ATTACK, None)
    return connected.once(made.root)


@pytest.fixture
def exported(saetui, garden: Path, tmp_path: Path):
    def export(format_: str, name: str = traced.MAIN, *more: object) -> str:
        to = tmp_path / f"circuit.{format_}"
        ended = saetui("export", "circuit", name, "-w", garden, "--to", to, *more)
        assert ended.status == 0, ended.err
        assert f"({format_})" in ended.out
        return to.read_text(encoding="utf-8")

    return export


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            self.scripts.append(data)


def test_json_has_all_of_the_circuit(exported) -> None:
    found = json.loads(exported("json"))
    assert found["circuit"] == traced.MAIN and found["format"] == 1
    assert len(found["nodes_taken"]) == traced.N_NODES and len(found["prompts"]) == 8
    assert {edge["target"] for edge in found["edges"]} >= {"logits"}
    assert next(n for n in found["nodes_taken"] if n["feature"] == 26)["label"] == ATTACK


def test_dot_has_the_nodes_of_its_size_and_escapes_their_labels(exported) -> None:
    text = exported("dot", traced.MAIN, "--size", 5)
    assert text.count("fillcolor") >= 2 and text.count(" -> ") == 9
    assert "style=dashed" in text  # an edge that pushes the metric down
    # Without its strings, the file holds nothing that a label brought.
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", text)
    assert '"' not in bare and "script" not in bare and "\x1b" not in text
    assert '\\"\\\\ ⇄␛[2J]]>' in text


def test_svg_is_well_formed_with_a_box_a_node_and_a_path_an_edge(exported) -> None:
    root = ET.fromstring(exported("svg", traced.MAIN, "--size", 20))
    classes = [element.get("class") or "" for element in root.iter()]
    assert sum(each.startswith("box") for each in classes) == 20 + 2  # tokens and metric
    edges = [each for each in classes if each.startswith("edge") and each != "edges"]
    assert len(edges) == 38 + 2  # and the key
    assert not [
        element for element in root.iter() if element.tag.endswith(("script", "image", "a"))
    ]
    said = " ".join(element.text or "" for element in root.iter())
    assert "faithfulness .99" in said and "#26" in said


@pytest.mark.parametrize(
    "name", [traced.HEADS, traced.CLUSTERS, traced.NEURONS, traced.BY_POSITION]
)
def test_every_level_can_be_drawn(exported, name: str) -> None:
    for format_ in ("svg", "dot"):
        assert exported(format_, name)


def test_every_format_says_where_edges_were_measured(exported) -> None:
    more = (traced.HEADS, "--size", 20)
    assert json.loads(exported("json", *more))["edges_among"] == traced.FEW
    assert "measured among the first 8)" in exported("svg", *more)
    assert "edges were measured among the first 8 nodes alone; edges=20" in exported("dot", *more)
    data = re.findall(r'id="data">(.*?)</script>', exported("html", *more), re.DOTALL)[0]
    assert json.loads(data)["measured"] == traced.FEW


def test_no_format_says_so_where_they_were_measured_among_all(exported) -> None:
    assert "measured among" not in exported("svg") + exported("dot")


def test_the_page_fetches_nothing_and_runs_only_its_own_script(exported) -> None:
    text = exported("html")
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag in ("img", "link", "iframe", "a", "base")]
    assert not [key for _, keys in page.tags for key in keys if key.startswith("on")]
    assert not [keys for _, keys in page.tags if "src" in keys or "style" in keys]
    (policy,) = [
        keys["content"] for _, keys in page.tags
        if keys.get("http-equiv") == "Content-Security-Policy"
    ]  # fmt: skip
    for tag in ("style", "script"):
        (block,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", text)


def test_the_page_holds_the_circuit_and_those_it_is_held_against(exported) -> None:
    text = exported("html")
    data = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    assert data["size"] == 5 and data["sizes"] == [1, 2, 5, 10, 20, 40, 60]
    assert {each["about"]["method"] for each in data["others"]} == set(traced.METHODS) - {"cascade"}
    assert [o["about"]["method"] for o in data["others"] if o["baseline"]] == [
        "activation",
        "random",
    ]
    (node,) = [node for node in data["nodes"] if node["feature"] == 26]
    assert node["label"].startswith("</script><img") and "\u202e" not in node["label"]
    assert node["example"] and text.count("<figure") == len(data["sizes"])


def test_the_format_is_what_the_name_ends_in_unless_told(saetui, garden: Path, tmp_path) -> None:
    ask = ("export", "circuit", traced.MAIN, "-w", garden, "--to")
    ended = saetui(*ask, tmp_path / "circuit.pdf")
    assert ended.status == 2 and "json|dot|svg|html" in ended.err
    assert saetui(*ask, tmp_path / "graph.gv", "--format", "dot").status == 0
    assert (tmp_path / "graph.gv").read_text().startswith("digraph")
    again = saetui(*ask, tmp_path / "graph.gv", "--format", "dot")
    assert again.status == 2 and "exists already" in again.err
    unknown = saetui("export", "circuit", "nosuch", "-w", garden, "--to", tmp_path / "x.svg")
    assert unknown.status == 2 and not (tmp_path / "x.svg").exists()
