"""Theme files: read, checked, refused in one sentence."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.cli import main
from loopscope.core.errors import InputError
from loopscope.ui import theming

GOOD = 'primary = "#336699"\n'


def book(tmp_path: Path, **files: str) -> theming.Book:
    """Write files into a folder and load it."""
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text, "utf-8")
    return theming.load([tmp_path])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("primary = ", "not TOML"),
        ("dark = true", "primary is missing"),
        ('primary = "blurple"', "primary: 'blurple' is no colour"),
        ("primary = 3", "primary must be a colour in quotes, not 3"),
        (GOOD + 'colour = "red"', "there is no key 'colour'; keys: primary"),
        (GOOD + 'dark = "yes"', "dark must be true or false, not 'yes'"),
        (GOOD + "text_alpha = 7", "text_alpha must be a number from 0 to 1, not 7"),
        (GOOD + "variables = 3", "variables must be a table"),
        (GOOD + '[variables]\nstall = "blood"', "variables.stall: 'blood' is no colour"),
        (GOOD + '[variables]\nstal = "red"', "variables.stal: there is no such variable; ours: text"),
        (GOOD + '[variables]\nscrollbar = "nope"', "'nope' is no colour"),
        (GOOD + '[variables]\nlink-style = "wavy"', "'wavy' is no text style"),
        (GOOD + '[variables]\nborder = "red; } Screen { display: none"', "is no colour"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_name_and_cause(tmp_path: Path, text: str, says: str) -> None:
    """The others are loaded all the same."""
    found = book(tmp_path, broken=text, fine=GOOD)
    assert list(found.themes) == ["fine"]
    assert len(found.broken) == 1
    assert found.broken[0].startswith("theme broken.toml: ")
    assert says in found.broken[0]
    assert "\n" not in found.broken[0]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Not even that is a crash, nor is a folder with the name of a file."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.toml").mkdir()
    assert sorted(line.partition(":")[0] for line in theming.load([tmp_path]).broken) == [
        "theme bytes.toml",
        "theme folder.toml",
    ]


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.floats() | st.text(max_size=20)))
def test_whatever_stands_in_a_file(data: dict[str, object]) -> None:
    """Parsing gives a theme or raises InputError, nothing else."""
    try:
        theming.parse("x", data, "theme x.toml")
    except InputError as error:
        assert str(error).isprintable()


def test_a_later_folder_wins(tmp_path: Path) -> None:
    """The user's dark replaces ours."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "dark.toml").write_text('primary = "#123456"')
    found = theming.load([*theming.themes_dirs(), mine])
    assert found.themes["dark"].primary == "#123456"
    assert found.broken == []


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """And says why, when there is a file of that name that could not be read."""
    found = book(tmp_path, dark=GOOD, mine="primary = ")
    assert found.check("dark") == "dark"
    assert found.check("nord") == "nord"
    with pytest.raises(InputError, match=r"no theme 'drak'; themes: dark"):
        found.check("drak")
    with pytest.raises(InputError, match=r"no theme 'mine' \(theme mine.toml: not TOML"):
        found.check("mine")


def test_the_key_goes_round(tmp_path: Path) -> None:
    """The default first, then by name, then from the start; a theme of Textual's leads to the first."""
    found = book(tmp_path, dark=GOOD, b=GOOD, a=GOOD)
    assert found.names() == ["dark", "a", "b"]
    assert [found.after(name) for name in ("dark", "a", "b", "nord")] == ["a", "b", "dark", "dark"]


def test_missing_names_have_stand_ins(tmp_path: Path) -> None:
    """A theme of one line has every variable."""
    theme = book(tmp_path, short=GOOD).themes["short"]
    values = theming.defaults(theme)
    assert set(values) == set(theming.OWN)
    assert values["stall"] == "#336699"


def test_a_file_that_is_nested_without_end_is_one_sentence(tmp_path: Path) -> None:
    """3 000 brackets deep: the parser recurses, we do not."""
    path = tmp_path / "deep.toml"
    path.write_text("primary = " + "[" * 3000 + "]" * 3000, "utf-8")
    with pytest.raises(InputError, match=r"^theme deep.toml: nested too deep$"):
        theming.read(path)


def test_a_theme_is_refused_where_no_screen_opens(capsys: pytest.CaptureFixture[str]) -> None:
    """Headless too, before anything starts."""
    for words in (["--theme", "nope"], ["run", "--theme", "nope", "x.py"], ["replay", "--theme", "nope", "calm-pair"]):
        assert main(words) == 2
        assert "there is no theme 'nope'" in capsys.readouterr().err
