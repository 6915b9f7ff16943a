"""Commands that the documentation shows run as written there.

In README.md and docs/*.md every fenced block of the language `console` is a session: lines that begin with "$ " are run one
after the other, in one folder a page, and must succeed (or end with N where "# exit N" follows the command). The lines
below a command must be what it prints, except that "..." stands for anything.
"""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROWGATE = pathlib.Path(os.environ["ROWGATE"])
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]


def sessions(page):
    """(command, exit code, expected lines) of every console block."""
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        command, expected = None, []
        for line in block.splitlines():
            if not line.startswith("$ "):
                expected.append(line)
                continue
            if command:
                yield (*command, expected)
            found = re.fullmatch(r"\$ (.*?)(?:\s+# exit (\d+))?", line)
            command, expected = (found[1], int(found[2] or 0)), []
        if command:
            yield (*command, expected)


def matches(expected, printed):
    """Whether the printed lines are the expected ones; spaces at their ends do not count."""
    lines = [r"(?:[^\n]*\n)*?[^\n]*" if line.strip() == "..." else ".*".join(map(re.escape, line.rstrip().split("...")))
             for line in expected]
    pattern = "\n".join(lines)
    text = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize("page", [page for page in PAGES if list(sessions(page))], ids=lambda page: page.name)
def test_sessions(page, tmp_path):
    environment = {"PATH": f"{ROWGATE.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
                   "NO_COLOR": "1", "COLUMNS": "100"}
    for command, exit_code, expected in sessions(page):
        answer = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        printed = answer.stdout.decode()
        assert answer.returncode == exit_code, f"$ {command}\n{printed}"
        if any(expected):
            assert matches(expected, printed), f"$ {command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
