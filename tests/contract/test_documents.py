"""The documents say what the code does: the format, the keys, the commands."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from loopscope import __version__
from loopscope.core.records import FORMAT, AgentSpec, AnyRecord, Header, Record, Server
from loopscope.model.findings import RULES
from loopscope.settings.levers import LEVERS

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/trace-format.md",
    "docs/definitions.md",
    "docs/exports.md",
    "docs/README.md",
    "docs/headless.md",
    "docs/keys.md",
    "docs/program.md",
    "docs/symptoms.md",
)
KINDS: dict[str, type[Record]] = {kind.__struct_config__.tag: kind for kind in AnyRecord.__args__}  # type: ignore[misc]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def sections() -> dict[str, str]:
    """Text of each heading of the format's description, by the heading's words."""
    parts = re.split(r"^#{2,4} (.+)$", page("docs/trace-format.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def members(text: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)


def test_every_kind_of_record_is_described() -> None:
    """Each kind has a section, and each section below "Records" is a kind, or a part of one."""
    described = page("docs/trace-format.md").partition("## Records")[2]
    assert set(re.findall(r"^### (.+)$", described, flags=re.MULTILINE)) == set(KINDS)
    assert f"Format **{FORMAT}**" in page("docs/trace-format.md")


@pytest.mark.parametrize(
    ("title", "kind"), [*KINDS.items(), ("server", Server), ("agent specification", AgentSpec)], ids=str
)
def test_every_member_is_described_in_its_order(title: str, kind: type[msgspec.Struct]) -> None:
    """The table of a kind lists exactly the members that its lines have, beside those that every record has."""
    common = {field.name for field in msgspec.structs.fields(Record)}
    wanted = [field.encode_name for field in msgspec.structs.fields(kind)]
    assert members(sections()[title]) == [name for name in wanted if name not in common]


def test_members_that_may_be_null_say_what_that_means() -> None:
    """Where the codec allows null, the description has the word, in that row or for the rows below it."""
    for title, kind in KINDS.items():
        text = sections()[title]
        nullable = [f.name for f in msgspec.structs.fields(kind) if f.default is None or "None" in str(f.type)]
        assert not nullable or "`null`" in text, title


def test_the_readme_has_the_two_commands_and_ci_runs_the_second() -> None:
    """What a newcomer types is what is checked."""
    readme = page("README.md")
    assert "python3 -m pip install -e . && loopscope" in readme
    assert "python3 -m pip install -e '.[test]' && pytest" in readme
    script = page(".ci/run")
    assert "python3 -m pip install --quiet -e '.[test]'" in script
    assert re.search(r"^ *pytest\b", script, flags=re.MULTILINE)


def test_the_page_of_keys_names_every_lever_with_its_key() -> None:
    """Each lever stands in the table of keys, with the key that pulls it."""
    readme = page("docs/keys.md")
    for lever in LEVERS.values():
        keys = [f"`{key}`" for key in lever.key.split("/")]
        rows = [row for row in readme.splitlines() if row.startswith("|") and all(key in row for key in keys)]
        assert any(lever.name in row for row in rows), lever.name


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Every link to a file of the repository has its file (the screenshot is drawn when a release is made)."""
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[\w-]+)?\)", page(name)):
        assert ((ROOT / name).parent / target).exists() or target == "docs/screenshot.svg", target


def test_the_index_lists_every_page() -> None:
    """A page that the index lacks is found by nobody."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\((\S+?\.md)\)", page("docs/README.md"))) == pages


def test_the_page_by_symptom_names_rules_that_exist() -> None:
    """Each finding on it is a rule."""
    named = set(re.findall(r"^\|[^|]+\| `([a-z-]+)`", page("docs/symptoms.md"), flags=re.MULTILINE))
    assert len(named) > 10
    assert named <= set(RULES)


def test_the_changelog_knows_this_version() -> None:
    """Either there is a section for this version, or it is not released yet."""
    assert f"## [{__version__}]" in page("CHANGELOG.md") or "## [Unreleased]" in page("CHANGELOG.md")


def test_extras_that_the_documents_name_exist() -> None:
    """``[test]``, ``[lint]``, ``[real]`` are extras of the project, and the header is a record like others."""
    extras = tomllib.loads(page("pyproject.toml"))["project"]["optional-dependencies"]
    for name in PAGES:
        for extra in re.findall(r"'\.\[([\w,]+)\]'", page(name)):
            assert set(extra.split(",")) <= set(extras), name
    assert KINDS["header"] is Header
