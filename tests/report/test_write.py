"""A report on disk: written whole, or the old one stays."""

from __future__ import annotations

import errno
import os

import pytest

from tests.report import report_cases as cases
from tokenworth.errors import StoreError
from tokenworth.workbench.page import write_report


def test_folders_are_made(tmp_path):
    path = write_report(tmp_path / "a" / "b" / "report.html", cases.curve(3))
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_full_disk_leaves_the_old_report(tmp_path, monkeypatch):
    path = write_report(tmp_path / "report.html", cases.curve(3))
    old = path.read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        write_report(path, cases.curve(4))
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_place_of_a_folder_is_an_error_in_one_line(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_report(tmp_path / "a" / "report.html", cases.curve(3))


def test_the_title_says_that_there_is_more(tmp_path):
    text = write_report(tmp_path / "report.html", *cases.two_problems()).read_text(encoding="utf-8")
    assert " (and 1 more) · tokenworth</title>" in text
