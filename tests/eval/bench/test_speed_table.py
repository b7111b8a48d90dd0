"""The matrix of speed for people: which columns, which figures, in which form."""

from dataclasses import replace

from masklet.eval.bench.memory_peak import Peak
from masklet.eval.bench.speed_records import Floor, Measured, Scored
from masklet.eval.bench.speed_table import bench_markdown, caption, columns_of
from masklet.eval.records import Interval
from tests.eval.figures import bench, failed, measured


def rows_of(markdown):
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def as_compiled():
    row = measured()
    return replace(row, cell=replace(row.cell, setup=replace(row.cell.setup, compiled=True)))


def test_a_row_says_settings_speed_and_memory():
    headings, rules, row = rows_of(bench_markdown(bench(measured(objects=4))))
    found = dict(zip(headings, row, strict=True))
    assert found["dtype"] == "float32"
    assert found["input"] == "512"
    assert found["objects"] == "4"
    assert found["frames a second"] == "2.50"
    assert found["frame"] == found["frame 95%"] == "400"
    assert found["memory attention"] == found["click"] == found["boxes"] == "40.0"
    assert found["MiB"] == "300"
    assert rules == ["---", *["--:"] * (len(headings) - 1)]


def test_a_row_that_failed_says_why_and_nothing_else():
    headings, _, row = rows_of(bench_markdown(bench(failed())))
    found = dict(zip(headings, row, strict=True))
    assert found["frames a second"] == "out of memory"
    assert found["frame"] == found["frame 95%"] == found["click"] == found["MiB"] == ""


def test_models_and_devices_have_a_column_where_there_are_several():
    one = bench_markdown(bench(measured(), measured(4)))
    assert "| model |" not in one
    assert one.startswith("`tiny` on cpu: Example 9000, 2 threads; torch")
    several = bench_markdown(bench(measured(), measured(model="large", device="cuda:0")))
    assert several.startswith("Example 9000")
    assert rows_of(several)[0][:3] == ["model", "device", "dtype"]
    assert rows_of(several)[3][:2] == ["large", "cuda:0"]


def test_a_floor_and_an_accuracy_have_a_column_where_a_row_has_them():
    plain = rows_of(bench_markdown(bench(measured())))[0]
    assert not {"of the floor", "J&F", "mode"} & set(plain)
    row = replace(
        measured(objects=4), floor=Floor(30, 300.0), accuracy=Interval(0.5789, 0.4, 0.7, 9)
    )
    headings, _, first, second = rows_of(bench_markdown(bench(row, failed())))
    found = dict(zip(headings, first, strict=True))
    assert (found["of the floor"], found["J&F"]) == ("0.25", "57.9")
    missing = dict(zip(headings, second, strict=True))
    assert missing["of the floor"] == missing["J&F"] == ""


def test_the_mode_has_a_column_where_something_is_compiled():
    headings, _, eager, compiled = rows_of(bench_markdown(bench(measured(), as_compiled())))
    assert headings[:4] == ["dtype", "mode", "input", "objects"]
    assert (eager[1], compiled[1]) == ("eager", "compiled")


def test_forms_of_memories_have_a_column_where_there_is_another_than_the_exact_one():
    row = measured()
    small = replace(row, cell=replace(row.cell, memories="foveated"))
    headings, _, full, foveated = rows_of(bench_markdown(bench(row, small)))
    assert headings[:4] == ["dtype", "input", "memories", "objects"]
    assert (full[2], foveated[2]) == ("full", "foveated")


def test_libraries_have_a_column_where_there_is_a_peer_and_the_caption_says_what_it_did():
    row = measured()
    setup = replace(row.cell.setup, library="sam2")
    peer = replace(row, cell=replace(row.cell, setup=setup), parts={"frame": row.parts["frame"]})
    figures = replace(bench(row, peer), peers={"transformers": "5.23.0", "sam2": "1.1.0"})
    headings, _, ours, theirs = rows_of(bench_markdown(figures))
    assert headings[0] == "library"
    assert (ours[0], theirs[0]) == ("masklet", "sam2")
    assert dict(zip(headings, theirs, strict=True))["encode"] == ""
    assert " transformers 5.23.0 and sam2 1.1.0 from the ninth frame" in caption(figures)


def test_the_caption_names_what_masks_were_scored_on():
    told = caption(replace(bench(measured()), scored=Scored("davis-2017 val", 30)))
    assert told.endswith(". J&F with masks on first frames, 30 clips of davis-2017 val.")
    assert caption(replace(bench(), scored=Scored("x", 1))).endswith(", 1 clip of x.")


def test_the_caption_says_what_the_figures_are():
    assert caption(bench(measured())) == (
        "`tiny` on cpu: Example 9000, 2 threads; torch 2.9.0, masklet 0.2.0. Frames of 1280 x 720 "
        "in the steady state. Milliseconds, medians of 3; memory is the highest of the process, "
        "which keeps a little from row to row."
    )
    of_device = Measured(measured().cell, {}, Peak(1, "device"))
    assert caption(bench(of_device)).endswith("medians; memory is the highest on the device.")
    since_start = Measured(measured().cell, {}, Peak(1, "process since its start"))
    assert caption(bench(since_start)).endswith("since its start, so it never falls.")


def test_a_bar_in_the_path_of_a_model_does_not_break_the_table():
    table = bench_markdown(bench(measured(model="a|b"), measured()))
    headings, rules, *rows = rows_of(table)
    assert {len(row) for row in rows} == {len(headings)} == {len(rules)}


def test_a_terminal_is_shown_less():
    columns = columns_of([measured()])
    headings = [column.heading for column in columns]
    assert "click" not in headings
    assert headings[:3] == ["dtype", "input", "objects"]
    parts = [column.heading for column in columns if column.is_part]
    assert parts == ["encode", "memory attention", "decoder", "memory encoder"]
