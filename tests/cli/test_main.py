"""What all commands share: arguments, exit statuses, pipes and Ctrl+C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.shell import Terminal, command, environment
from wan_demo.cli import main


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on what was typed wrong."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["generate", "--step", "3"], "--steps"),
        (["generate", "--promt=a fox", "--output", "a.mp4"], "--prompt"),
        (["models", "--jsn"], "--json"),
        (["models", "info", "--jso", "wan-tiny"], "--json"),
        (["serve", "--prot", "80"], "--port"),
    ],
)
def test_a_flag_with_a_typo_is_told_the_right_one(capsys, typed, meant):
    said = refused(capsys, *typed)
    wrong = next(word for word in typed if word.startswith("--")).split("=")[0]
    assert said.startswith(f"{wrong}: there is no such flag. Nearest: {meant}. See `")


def test_hidden_flags_are_not_proposed(capsys):
    assert "--supervised" not in refused(capsys, "worker", "--supervise")


def test_a_prompt_without_quotes_is_said_to_need_them(capsys):
    said = refused(capsys, "generate", "--output", "a.mp4", "--prompt", "a", "red", "fox")
    assert said.startswith("'red' is not expected here; text of several words goes in quotes.")


def test_an_unknown_command_is_told_all(capsys):
    said = refused(capsys, "modles")
    for name in ("serve", "generate", "verify", "models", "worker"):
        assert name in said


def test_without_a_command_there_is_help_and_a_status_of_failure(capsys):
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "generate" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["generate"],
        ["verify"],
        ["models"],
        ["models", "info"],
        ["models", "download"],
        ["worker"],
    ],
)
def test_every_help_fits_a_terminal_of_80_columns(capsys, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"usage: {' '.join(['python -m wan_demo', *arguments])}")
    assert max(len(line) for line in lines) <= 80


def test_the_module_runs(tmp_path):
    done = subprocess.run(
        command("generate", "--prompt", "a", "--width", "1", "--output", "clip.mp4"),
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("width: ")
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(arguments):
    """As with ``| head``: a short output is written at the end only, a long one before."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command(*arguments),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        env=environment(),
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_ends_a_clip_in_a_sentence_and_leaves_nothing(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    wanted = ["--engine", "fake", "--prompt", "a", "--steps", "100", "--output", "clip.mp4"]
    with Terminal("generate", *wanted, TMPDIR=str(scratch)) as terminal:
        terminal.read_until(lambda said: re.search(r"step \d+ of 100", said) is not None)
        terminal.interrupt(signal.SIGINT)
        assert terminal.status() == 130
        assert terminal.said.endswith("Stopped.\r\n")
        assert "Traceback" not in terminal.said
    assert list(scratch.iterdir()) == []
    assert not Path("clip.mp4").exists()
