"""Facts about this machine, and the commit of the folder: no path, no name."""

from pathlib import Path

import pytest

from loopscope.session.hostfacts import commit, host_facts

HASH = "0123456789abcdef0123456789abcdef01234567"


def test_facts_name_what_figures_depend_on() -> None:
    """System, CPU, cores, Python and packages; neither the host nor the home folder."""
    facts = host_facts()
    assert {"os", "cpu", "cores", "python", "httpx", "numpy"} <= set(facts)
    assert not any(str(Path.home()) in words for words in facts.values())


@pytest.mark.parametrize("packed", [False, True])
def test_the_commit_is_read_from_the_branch(tmp_path: Path, packed: bool) -> None:
    """From below the working copy, too; a branch may be packed."""
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs\n{HASH} refs/heads/main\n")
    else:
        (git / "refs/heads/main").write_text(HASH + "\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert commit(below) == HASH


def test_a_detached_head_and_a_work_tree_have_one(tmp_path: Path) -> None:
    """A hash in HEAD is the commit; a file ``.git`` leads to where HEAD is."""
    git = tmp_path / "main" / "worktrees" / "it"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(HASH)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {git}\n")
    assert commit(tree) == HASH


@pytest.mark.parametrize("head", ["", "ref: ../../secret", "ref: refs/heads/../../x", "nonsense", "ref: refs/heads/no"])
def test_what_is_no_commit_is_none(tmp_path: Path, head: str) -> None:
    """A HEAD that leads elsewhere, or nowhere."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text(head)
    assert commit(tmp_path) == ""
