"""What is said while a command works goes to standard error, and never into results."""

import pytest
from rich import console as rich_console

from masklet.cli.progress import download_bar, one_line, reporter


@pytest.fixture
def terminal(monkeypatch):
    """Standard error is a terminal."""
    monkeypatch.setattr(rich_console.Console, "is_terminal", True)
    monkeypatch.setenv("TERM", "xterm")


def test_remarks_are_lines_on_standard_error(capsys):
    with reporter(1) as report:
        report.say("a [bold]b[/bold]\nc " + "long " * 60 + "end")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "masklet: a [bold]b[/bold] c " + "long " * 60 + "end\n"


@pytest.mark.parametrize("total", [1, 5])
def test_nothing_is_drawn_without_a_terminal(capsys, total):
    with reporter(total) as report:
        for _ in range(total):
            report.step()
    assert capsys.readouterr().err == ""
    assert report.done == total


def test_a_terminal_sees_count_rate_and_time_left(capsys, terminal):
    with reporter(5) as report:
        for _ in range(3):
            report.step()
    drawn = capsys.readouterr().err
    assert "3/5" in drawn
    assert "/s" in drawn or "s each" in drawn
    assert "0:00:0" in drawn


@pytest.mark.parametrize(("total", "quiet"), [(1, False), (5, True)])
def test_one_piece_of_work_and_quiet_work_have_no_bar(capsys, terminal, total, quiet):
    with reporter(total, quiet=quiet) as report:
        report.step()
    assert capsys.readouterr().err == ""


def test_results_stay_on_standard_output_while_the_bar_is_drawn(capsys, terminal):
    with reporter(5) as report:
        report.step()
        print("result")
        report.say("remark")
    printed = capsys.readouterr()
    assert printed.out == "result\n"
    assert "masklet: remark" in printed.err


def test_a_download_is_drawn_in_the_place_of_the_bar(capsys, terminal):
    with reporter(5) as report:
        with report.paused(), download_bar("model.pt") as progress:
            progress(5_000_000, 10_000_000)
        report.step()
    drawn = capsys.readouterr().err
    assert "model.pt" in drawn
    assert "5.0/10.0 MB" in drawn
    assert "1/5" in drawn


def test_a_download_without_a_terminal_is_silent(capsys):
    with reporter(5) as report, report.paused(), download_bar("model.pt") as progress:
        progress(5, None)
    assert capsys.readouterr().err == ""


def test_a_download_that_was_not_needed_draws_nothing_about_it(capsys, terminal):
    with download_bar("model.pt"):
        pass
    assert "model.pt" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "line"),
    [("plain", "plain"), ("a\nb\r\nc", "a b  c"), ("\x1b[2Jx", " [2Jx"), ("Ä²", "Ä²"), ("", "")],
)
def test_text_becomes_one_harmless_line(text, line):
    assert one_line(text) == line


def test_slow_work_is_told_in_seconds_each(capsys, terminal, monkeypatch):
    now = iter([0.0, 5.0])
    monkeypatch.setattr("masklet.cli.progress.time.monotonic", lambda: next(now, 5.0))
    with reporter(2) as report:
        report.step()
    assert "5.0 s each" in capsys.readouterr().err
