"""What the user's config says is done, or refused by file and key before the screen is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import saetui
from saetui import bindings, config, looks
from saetui.app import open_workbench
from store import Workspace
from store.errors import AskedWrongly


@pytest.fixture
def write(own_state):
    """Writes a file of the user's config folder."""

    def written(text: str, name: str = "config.toml"):
        file = own_state / "config" / "saetui" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = 3", "theme must be a name, not 3"),
        ("ssh = 'yes'", "ssh must be true or false, not 'yes'"),
        ("themes = 'light'", "there is no option 'themes'; did you mean 'theme'"),
        ("keys = 'x'", "keys must be a table"),
        ("[keys]\nfeatures.sort = 3", "keys.features.sort must be a key like"),
        ("[keys]\nfeatures.sort = ''", "keys.features.sort must be a key like"),
        (
            "[keys]\nfeatures.sorted = 'o'",
            "no binding 'keys.features.sorted'; did you mean 'featur",
        ),
        ("[keys]\nfeatures.sort = 'ctr+o'", "keys.features.sort = 'ctr+o' is not a key"),
        ("[keys]\nfeatures.sort = 'pagedwn'", "is not a key; did you mean 'pagedown'"),
        ("[keys]\nfeatures.sort = 'ctrl+c'", "keys.features.sort = 'ctrl+c' cannot be: it is copy"),
        (
            "[keys]\nfeatures.sort = 'q'",
            "keys.features.sort = 'q' is also the key of app.quit (quit)",
        ),
        ("[keys]\nfeatures.sort = 'f'", "is also the key of features.find (go to id)"),
        ("theme = 'ligt'", "there is no such theme; did you mean 'light'"),
        ("theme =", "cannot be read: "),
    ],
)
def test_what_is_wrong_is_refused_with_its_file_and_key(root, write, text, said):
    file = write(text)
    with pytest.raises(AskedWrongly) as refused:
        open_workbench(root)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)


def test_without_a_file_all_is_as_it_comes():
    assert config.load() == config.Config()


async def test_keys_are_given_to_other_things_and_help_shows_them(workbench, write):
    write('[keys]\napp.quit = "Q"\nfeatures.sort = "o,ctrl+x"\nrows.down = "down,ctrl+n"\n')
    async with workbench("features", config=config.load()) as driver:
        listed = driver.rows("#features-list")
        before = listed.sort
        await driver.press("s")
        assert listed.sort == before
        await driver.press("o")
        assert listed.sort != before
        await driver.press("ctrl+n", "j")
        assert listed.cursor == 1
        hints = driver.text("HintBar")
        assert "o sort" in hints and "Q quit" in hints
        await driver.press("question_mark")
        assert "o ctrl+x" in driver.text(".box")


async def test_two_keys_may_be_swapped(workbench, write):
    write('[keys]\nfeatures.sort = "/"\nfeatures.filter = "s"\n')
    async with workbench("features", config=config.load()) as driver:
        await driver.press("slash")
        assert driver.rows("#features-list").sort == "max"
        await driver.press("s")
        assert driver.app.screen.query("Prompt")


async def test_sentences_name_the_keys_that_the_user_has(workbench, tmp_path):
    keys = {
        "app.run_job": "ctrl+n", "app.jobs": "f7", "app.overview": "f8", "sql.run": "f6",
        "sql.save": "X", "sql.recall": "H", "choose.mark": "x", "form.submit": "f9",
        "results.more": "M", "view.leave": "f10",
    }  # fmt: skip
    taken = {name: bindings._key(tmp_path, name, key) for name, key in keys.items()}
    nothing = Workspace.create(tmp_path / "new").root
    async with workbench("overview", at=nothing, config=config.Config(keys=taken)) as driver:
        assert "ctrl+n runs a job that trains some; F7 shows the jobs." in driver.screen()
        await driver.press("2")
        assert "ctrl+n runs one, F8 shows the dictionaries." in driver.screen()
        await driver.press("6")
        text = driver.screen()
        assert "F6 runs the query; ↵ runs a saved one; H finds one" in text
        assert "X saves one" in text
        await driver.press("tab", *"FROM range(900)", "f6", "tab")
        assert "M asks again for 5,000" in driver.screen()
        await driver.press("ctrl+n")
        await driver.until(lambda: "F9 submits" in driver.screen())


def test_every_key_that_a_sentence_names_is_one():
    named = {
        name
        for file in Path(saetui.__file__).parent.rglob("*.py")
        for name in re.findall(r"""keys?\(\w+, ['"]([\w.]+)['"]\)""", file.read_text())
    }
    assert len(named) > 20 and named <= set(bindings.known())


def test_every_binding_has_an_id_and_no_two_keys_of_a_place_clash():
    for cls in bindings._classes():
        for binding in cls.__dict__.get("BINDINGS", ()):
            assert binding.id, (cls, binding)
    for place in bindings._places():
        for key, ids in bindings._by_key(place, {}).items():
            one_pane = {cls for cls in place if "views" in cls.__module__}
            ids = [name for name in ids if not name.startswith("proposals.")]  # they come first
            assert len(ids) <= 1 or key in {"enter", "escape", "slash", "n", "N"}, (ids, one_pane)


THEME = (looks.FOLDER / "light.toml").read_text()


async def test_a_theme_of_the_users_is_worn(workbench, write):
    write(THEME.replace("#fbfaf7", "#123456"), "themes/mine.toml")
    write("theme = 'mine'")
    async with workbench(config=config.load()) as driver:
        assert driver.app.theme == "saetui-mine"
        assert driver.app.theme_variables["background"] == "#123456"


WRONG = [
    (("primary =", "primry ="), "there is no key 'primry'; did you mean 'primary'"),
    (("muted =", "mutd ="), "there is no key 'variables.mutd'; did you mean 'muted'"),
    (('accent = "#a8610d"\n', ""), "accent is missing"),
    (('"#a8610d"', '"brwn"'), "accent must be a colour, one like '#82aaff', not 'brwn'"),
    (('"#a8610d"', '"ansi_red"'), "colours of the terminal need ansi = true"),
    (("dark = false", "dark = 0"), "dark must be true or false, not 0"),
    (("dark = false", "dark = "), "cannot be read"),
    (
        ("dark = false", "dark = true\nansi = true"),
        "primary = '#2f5fc4' is another kind of colour",
    ),
]
"""A change to a theme, and what is said of it."""


async def test_themes_that_are_wrong_are_told_by_file_and_key(workbench, write):
    said = {
        write(THEME.replace(*change, 1), f"themes/mine{number}.toml"): sentence
        for number, (change, sentence) in enumerate(WRONG)
    }
    async with workbench() as driver:
        assert driver.app.theme == "saetui-dark"
        told = "\n".join(notice.message for notice in driver.app._notifications)
        for file, sentence in said.items():
            (line,) = [line for line in told.splitlines() if str(file) in line]
            assert sentence in line


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_theme_that_is_wrong_is_not_worn(root, write, change, said):
    write(THEME.replace(*change, 1), "themes/mine.toml")
    write("theme = 'mine'")
    with pytest.raises(AskedWrongly, match=r"mine\.toml") as refused:
        open_workbench(root)
    assert said in str(refused.value)


def test_a_theme_of_the_users_does_not_hide_one_of_saetuis(write):
    write(THEME, "themes/light.toml")
    _, wrong = looks.known()
    assert ["rename the file" in said for said in wrong.values()] == [True]
