"""Rows of peers: what they can do of a matrix, and what becomes of one that fails."""

from dataclasses import replace

from masklet.eval.bench.peer_process import Found, Job, read_answer, read_job, write_job
from masklet.eval.bench.peer_rows import PeerWeights, _failure, peer_cells, peer_rows
from masklet.eval.bench.peers import PeerSetup
from masklet.eval.bench.speed import OUT_OF_MEMORY, Plan, cells_of, made_clip
from masklet.eval.bench.speed_records import Setup

TINY = Setup("tiny", "cpu", "float32")


def test_peers_do_what_is_neither_compiled_nor_smaller_and_that_once():
    setups = [TINY, replace(TINY, compiled=True), replace(TINY, dtype="bfloat16")]
    cells = peer_cells(cells_of(setups, [64], [1, 4], ["full", "pooled"]), "sam2")
    assert [str(cell) for cell in cells] == [
        "64 float32, sam2, 1 object",
        "64 float32, sam2, 4 objects",
        "64 bfloat16, sam2, 1 object",
        "64 bfloat16, sam2, 4 objects",
    ]


def test_a_peer_that_fails_is_a_row_that_says_so_and_the_others_go_on(tmp_path):
    cells = peer_cells(cells_of([TINY], [64], [1, 2]), "transformers")
    plan = Plan((), made_clip(2, (48, 64)), repeats=1)
    folders, shares = [], []

    def save(cell, folder):
        folders.append(folder)
        return PeerWeights(folder / "nothing", "sam2.1-hiera-tiny")

    rows = list(peer_rows(cells, plan, save, shares.append))
    assert tuple(row.cell for row in rows) == cells
    for row in rows:
        assert row.parts == {}
        assert row.failure.startswith("failed: ")
        assert len(row.failure) <= 80
    assert shares == [0.5, 1.0]
    assert len(folders) == 1
    assert not folders[0].exists()


def test_a_peer_without_memory_left_fails_as_our_own_rows_do():
    assert _failure("Traceback\n  torch.OutOfMemoryError: CUDA out of memory. Tried", 1) == (
        OUT_OF_MEMORY
    )
    assert _failure("Traceback ...\nImportError: no Sam2VideoModel\n", 1) == (
        "failed: ImportError: no Sam2VideoModel"
    )
    assert _failure("", -9) == "failed: its process ended with -9"


def test_a_job_goes_into_another_process_as_it_is(tmp_path):
    setup = PeerSetup(tmp_path / "weights", "sam2.1-hiera-tiny", 64, "bfloat16", "cuda:0")
    job = Job("sam2", setup, tmp_path / "clip", [[1.0, 2.0, 3.5, 4.0]], repeats=3, threads=2)
    write_job(job, tmp_path)
    assert read_job(tmp_path) == job


def test_an_answer_without_memory_is_read(tmp_path):
    (tmp_path / "answer.json").write_text('{"seconds": [0.5, 0.25], "peak": null}')
    assert read_answer(tmp_path) == Found((0.5, 0.25), None)
