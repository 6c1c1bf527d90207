"""Plain English: phrases that readers stumble over stay out of code and documentation."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENDINGS = (".py", ".md", ".html", ".yml", ".yaml", ".toml", "Makefile")
LEFT_OUT = {"CHANGELOG.md"}
"""Histories keep their words."""

PHRASES = (
    r"\bheed(s|ed|ing)?\b",  # follows, uses
    r"\bmend(s|ed|ing)?\b",  # fixes
    r"\bborne\b",  # tolerated
    r"\bbears\b",  # has, allows
    r"\b(is|are|was|were|be|been) told\b",  # is reported, gets
    r"\btells\b",  # says, reports
    r"\bstands\b",  # is, lies
    r"\bstand in\b",  # are in
    r"\bReturns? of\b",
    r"\bof one.?s own\b",  # your own
    r"\bshall\b",  # must, should
    r"\bwhoever\b",  # anyone
    r"\blet alone\b",  # and certainly not
    r"\bWho knows\b",  # If you know
)
"""Regular expressions, with plain words to use instead. A space may be a line break."""

PATTERNS = [re.compile(phrase.replace(" ", r"[\s#]+")) for phrase in PHRASES]


def files() -> list[str]:
    """List the files of the repository that hold prose."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if found.returncode:
        pytest.skip("needs a git checkout")
    return [
        name
        for name in found.stdout.splitlines()
        if name.endswith(ENDINGS) and name not in LEFT_OUT and Path(ROOT, name).is_file()
    ]


def hits(text: str) -> list[tuple[int, str]]:
    """List the phrases in a text with their lines."""
    found = (match for pattern in PATTERNS for match in pattern.finditer(text))
    return sorted(
        (text.count("\n", 0, m.start()) + 1, " ".join(re.split(r"[\s#]+", m[0]))) for m in found
    )


def test_no_file_uses_an_avoided_phrase():
    found = [
        f"{name}:{line}: {phrase}"
        for name in files()
        for line, phrase in hits(Path(ROOT, name).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(["Say it in plain words (see PHRASES):", *found])


def test_phrases_are_found_across_lines_and_only_as_whole_words():
    words = ("is", "told")
    assert hits("fine\n# the cause " + "\n# ".join(words)) == [(2, " ".join(words))]
    assert hits("a standstill, he mentions shallow wheels") == []
