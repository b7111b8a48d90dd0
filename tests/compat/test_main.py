"""`python -m masklet.compat` runs programs that import `sam2`, and disturbs nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import masklet.errors

SOURCES = Path(masklet.errors.__file__).parents[1]

TUTORIAL = """
import sys
import numpy as np
import torch

from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

torch.manual_seed(0)
torch.set_num_threads(1)
config, size = sys.argv[1:]
model = build_sam2(config, None, device="cpu", hydra_overrides_extra=[f"++model.image_size={size}"])
assert isinstance(model, SAM2Base)
predictor = SAM2ImagePredictor(model)
image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)

with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
    predictor.set_image(image)
    points, labels = np.array([[40, 30]]), np.array([1])
    masks, scores, logits = predictor.predict(
        point_coords=points, point_labels=labels, multimask_output=True
    )
    order = np.argsort(scores)[::-1]
    masks, scores, logits = masks[order], scores[order], logits[order]
    print(masks.shape, scores.shape, logits.shape)

    more, signs = np.array([[40, 30], [60, 50]]), np.array([1, 0])
    masks, scores, logits = predictor.predict(
        point_coords=more,
        point_labels=signs,
        mask_input=logits[np.argmax(scores), :, :][None, :, :],
        multimask_output=False,
    )
    print(masks.shape, logits.shape)

    boxes = np.array([[10, 10, 40, 50], [30, 5, 70, 45], [0, 0, 20, 20], [50, 30, 79, 59]])
    masks, scores, _ = predictor.predict(
        point_coords=None, point_labels=None, box=boxes, multimask_output=False
    )
    print(masks.shape, scores.shape)

    predictor.set_image_batch([image, image[:40]])
    masks, scores, _ = predictor.predict_batch(
        None, None, box_batch=[boxes, boxes[:3]], multimask_output=False
    )
    print([mask.shape for mask in masks], [score.shape for score in scores])
print(predictor.model.image_size, predictor.device)
"""

VIDEO_TUTORIAL = """
import os
import sys
import numpy as np
import torch
from PIL import Image

from sam2.build_sam import build_sam2_video_predictor
from sam2.sam2_video_predictor import SAM2VideoPredictor

torch.manual_seed(0)
torch.set_num_threads(1)
video_dir = sys.argv[1]
for number in range(3):
    noise = np.random.default_rng(number).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(os.path.join(video_dir, f"{number:05d}.jpg"))
predictor = build_sam2_video_predictor(
    "configs/sam2.1/sam2.1_hiera_t.yaml",
    None,
    device=torch.device("cpu"),
    hydra_overrides_extra=["++model.image_size=64"],
)
assert isinstance(predictor, SAM2VideoPredictor)
with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
    inference_state = predictor.init_state(video_path=video_dir)
    predictor.reset_state(inference_state)
    _, out_obj_ids, out_mask_logits = predictor.add_new_points_or_box(
        inference_state=inference_state,
        frame_idx=0,
        obj_id=1,
        points=np.array([[40, 30]], dtype=np.float32),
        labels=np.array([1], np.int32),
    )
    print(out_obj_ids, (out_mask_logits[0] > 0.0).cpu().numpy().shape)
    video_segments = {}
    for out_frame_idx, out_obj_ids, out_mask_logits in predictor.propagate_in_video(inference_state):
        video_segments[out_frame_idx] = {
            out_obj_id: (out_mask_logits[i] > 0.0).cpu().numpy()
            for i, out_obj_id in enumerate(out_obj_ids)
        }
print({frame: [*masks] for frame, masks in video_segments.items()}, inference_state["num_frames"])
"""


def start(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *options.pop("python", ()), "-m", "masklet.compat", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, **options
    )


@pytest.fixture
def script(tmp_path):
    """Writes a program into a folder of its own, and returns its path."""

    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_an_official_program_runs_unchanged(script):
    done = start(str(script(TUTORIAL)), "configs/sam2.1/sam2.1_hiera_t.yaml", "64")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "(3, 60, 80) (3,) (3, 16, 16)",
        "(1, 60, 80) (1, 16, 16)",
        "(4, 1, 60, 80) (4, 1)",
        "[(4, 1, 60, 80), (3, 1, 40, 80)] [(4, 1), (3, 1)]",
        "64 cpu",
    ]
    assert done.returncode == 0


def test_an_official_program_for_videos_runs_unchanged(script, tmp_path):
    (tmp_path / "frames").mkdir()
    done = start(str(script(VIDEO_TUTORIAL)), str(tmp_path / "frames"))
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[1] (1, 60, 80)", "{0: [1], 1: [1], 2: [1]} 3"]
    assert done.returncode == 0


def test_a_module_is_the_same_under_both_names_in_either_order(script):
    program = """
import sam2.modeling.sam2_base as official
import masklet.compat.sam2.modeling.sam2_base as ours
import masklet.compat.sam2.build_sam
import sam2.build_sam
import sam2
import importlib
assert official is ours is sam2.modeling.sam2_base
assert sam2.build_sam is masklet.compat.sam2.build_sam
assert sam2 is masklet.compat.sam2
assert ours.__spec__.name == ours.__name__ == "masklet.compat.sam2.modeling.sam2_base"
assert official.SAM2Base is sam2.build_sam.SAM2Base
"""
    done = start(str(script(program)))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_sees_what_python_would_show_it(script, tmp_path):
    program = script(
        "import os, sys, helper\n"
        "print(sys.argv, sys.path[0], __name__, __file__, __spec__, __package__)\n"
        "import __main__\n"
        "print(__main__.__file__ == __file__, helper.value, 'torch' in sys.modules)\n"
    )
    script("value = 42", "helper.py")
    link = tmp_path / "elsewhere" / "link.py"
    link.parent.mkdir()
    link.symlink_to(program)
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    python, ours = (
        subprocess.run(
            [sys.executable, *runner, "link.py", "--flag", "-m"],
            capture_output=True,
            text=True,
            env=environment,
            cwd=link.parent,
            check=True,
        ).stdout
        for runner in ([], ["-m", "masklet.compat"])
    )
    assert ours == python
    assert f"['link.py', '--flag', '-m'] {tmp_path} __main__ {link} None None" in ours
    assert "True 42 False" in ours


def test_a_module_and_a_line_of_code_run_as_under_python(script, tmp_path):
    script("import sys, sam2\nprint(sys.argv, __name__, sam2.__name__)", "part.py")
    done = start("-m", "part", "a", cwd=tmp_path)
    assert done.stdout == f"['{tmp_path}/part.py', 'a'] __main__ masklet.compat.sam2\n"
    done = start("-c", "import sys, sam2; print(sys.argv, repr(sys.path[0]))", "b")
    assert done.stdout == "['-c', 'b'] ''\n"


def test_the_first_entry_of_the_path_is_left_alone_where_python_is_told_so(script):
    program = script("import sys; print(sys.path[0])")
    done = start(str(program), python=["-P"])
    assert done.stdout.strip() != str(program.parent)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("program", "code", "error"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit('so it ends')", 1, "so it ends"),
        ("\n1 / 0", 1, 'program.py", line 2, in <module>'),
        ("\nif", 1, "SyntaxError"),
    ],
    ids=["exit", "message", "exception", "syntax"],
)
def test_exit_codes_and_tracebacks_pass_through(script, program, code, error):
    done = start(str(script(program)))
    assert done.returncode == code
    assert error in done.stderr


def test_a_module_that_is_not_offered_says_what_is(script):
    done = start(
        str(script("from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator"))
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError: masklet has no sam2.automatic_mask_generator" in done.stderr
    assert (
        "expected one of sam2.build_sam, sam2.modeling.sam2_base, sam2.sam2_image_predictor, "
        "sam2.sam2_video_predictor. "
        "Run this program with the official package, or without that import." in done.stderr
    )


def test_packages_with_similar_names_are_left_alone(script):
    script("value = 1", "sam2x.py")
    done = start(str(script("import sam2x; print(sam2x.value, sam2x.__file__)")))
    assert done.stdout.startswith("1 ")


def test_help_and_mistakes_in_the_command_are_answered():
    done = start("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m masklet.compat SCRIPT.py [ARGS]")
    for arguments in ([], ["--unknown"], ["-m"]):
        done = start(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("masklet.compat: expected a program to run.\nusage: ")


def test_a_missing_program_is_named(tmp_path):
    done = start("missing.py", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"masklet.compat: can't open file '{tmp_path}/missing.py': No such file or directory; "
        "expected a Python program.\n"
    )
