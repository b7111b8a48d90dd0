"""The four verbs: what they compose, what rows may share, and what teaches which parameter."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from masklet.model.config import Version
from masklet.model.positions import sine_grid, sine_times
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures, MemoryReadout, PromptTensors
from tests.keys import placed_keys
from tests.tiny import noise, tiny_config, tiny_model

CPU = torch.device("cpu")
SIDE = 64
TOKENS = 16
VERSIONS = pytest.mark.parametrize("version", list(Version), ids=str)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def encoded(model, frames=1, size=(SIDE, SIDE), seed=0):
    return model.encode_image(noise(frames, 3, *size, seed=seed))


def clicks(rows, *, masked=False, points=2, grid=(4, 4)):
    mask = noise(rows, 4 * grid[0], 4 * grid[1], seed=4, scale=3.0) if masked else None
    labels = torch.tensor([1, 0, 2, 3, -1])[:points].expand(rows, -1)
    return PromptTensors(noise(rows, points, 2, seed=3).abs() * 20, labels, mask)


def readout(rows, memories=2, pointers=3):
    return MemoryReadout(
        spatial_BNLD=noise(rows, memories, TOKENS, 8, seed=5),
        slots_BN=torch.tensor([0, 6, 2])[:memories].expand(rows, -1),
        pointers_BKC=noise(rows, pointers, 32, seed=6),
        times_BK=torch.tensor([0.5, -0.2, 0.1])[:pointers].expand(rows, -1),
    )


def row(record, index):
    """One row of any record of tensors."""
    only = slice(index, index + 1)
    changes = {
        field.name: getattr(record, field.name)[only]
        for field in dataclasses.fields(record)
        if isinstance(getattr(record, field.name), torch.Tensor)
    }
    return dataclasses.replace(record, **changes)


def assert_same(ours, expected, atol=5e-5):
    if isinstance(ours, torch.Tensor):
        torch.testing.assert_close(ours, expected, atol=atol, rtol=1e-4)
        return
    for field in dataclasses.fields(ours):
        values = getattr(ours, field.name), getattr(expected, field.name)
        if isinstance(values[0], torch.Tensor):
            torch.testing.assert_close(*values, atol=atol, rtol=1e-4, msg=field.name)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 160), (224, 32)], ids=str)
def test_any_size_of_multiples_of_32_goes_through_all_verbs(size):
    model = tiny_model()
    height, width = size[0] // 16, size[1] // 16
    features = encoded(model, size=size)
    assert features.grid == (height, width)
    assert features.embedding_FLC.shape == (1, height * width, 32)
    assert features.eighth_FL4c.shape == (1, height * width, 4, 8)
    assert features.quarter_FL16c.shape == (1, height * width, 16, 4)
    candidates = model.decode(model.condition(features, None), features, clicks(2))
    assert candidates.logits_BMhw.shape == (2, 4, 4 * height, 4 * width)
    memory = model.encode_memory(
        features, noise(2, *size), candidates.object_score_B, binarize=False
    )
    assert memory.shape == (2, height * width, 8)
    remembered = MemoryReadout(
        memory[:, None], torch.zeros(2, 1, dtype=torch.int64), noise(2, 1, 32), torch.zeros(2, 1)
    )
    assert model.condition(features, remembered).shape == (2, height * width, 32)


def test_frames_of_a_batch_do_not_see_each_other():
    model = tiny_model()
    together = encoded(model, frames=3)
    alone = model.encode_image(noise(3, 3, SIDE, SIDE)[1:2])
    assert_same(together.frame(1), alone)
    assert len(together) == 3


def test_features_can_be_gathered_by_row_and_cut_by_frame():
    features = encoded(tiny_model(), frames=3)
    gathered = features.rows(torch.tensor([2, 0, 2]))
    for row_, frame in enumerate((2, 0, 2)):
        assert_same(row(gathered, row_), features.frame(frame), atol=0)
    assert gathered.grid == features.grid
    assert features.frame(1).embedding_FLC.data_ptr() == features.embedding_FLC[1:].data_ptr()


def test_a_frame_without_memory_is_its_embedding_and_no_memory():
    model = tiny_model()
    features = encoded(model, frames=2)
    expected = features.embedding_FLC + model.no_mem_embed
    assert torch.equal(model.condition(features, None), expected)


@VERSIONS
def test_memories_are_read_with_the_time_of_their_slot_and_pointers_with_theirs(version):
    model = tiny_model(version=version)
    features, remembered = encoded(model), readout(2)
    spatial = remembered.spatial_BNLD.flatten(1, 2)
    pointers = remembered.pointers_BKC.reshape(2, 12, 8)
    # Slot 0, a conditioning frame, takes the last row of the table, slot 6, the latest, the first.
    rows = (model.maskmem_tpos_enc[row, 0, 0] for row in (6, 0))
    positions = torch.cat([sine_grid((4, 4), 8, CPU) + time for time in rows])
    times = torch.zeros(12, 8)
    if version is Version.V2_1:
        projected = model.obj_ptr_tpos_proj(sine_times(remembered.times_BK[0], 32))
        times = projected.repeat_interleave(4, dim=0)
    expected = model.memory_attention(
        features.embedding_FLC,
        placed_keys(spatial, positions.expand(2, -1, -1)),
        (pointers, times.expand(2, -1, -1)),
        grid=(4, 4),
    )
    assert_same(model.condition(features, remembered), expected)


@pytest.mark.parametrize(
    ("memories", "pointers"), [(1, 0), (3, 1), (0, 2)], ids=["no pointer", "three memories", "none"]
)
def test_any_number_of_memories_and_pointers_is_read(memories, pointers):
    model = tiny_model()
    conditioned = model.condition(encoded(model), readout(2, memories, pointers))
    assert conditioned.shape == (2, TOKENS, 32)
    assert conditioned.isfinite().all()


def test_memories_stored_in_bfloat16_are_read_in_float32():
    model = tiny_model()
    features, remembered = encoded(model), readout(2)
    narrow = remembered.spatial_BNLD.bfloat16()
    ours = model.condition(features, dataclasses.replace(remembered, spatial_BNLD=narrow))
    wide = dataclasses.replace(remembered, spatial_BNLD=narrow.float())
    assert torch.equal(ours, model.condition(features, wide))


def test_rows_that_share_a_frame_equal_rows_with_copies_of_it():
    model = tiny_model()
    features = encoded(model)
    copies = features.rows(torch.zeros(3, dtype=torch.int64))
    remembered, prompts = readout(3), clicks(3, masked=True)
    conditioned = model.condition(features, remembered)
    assert_same(conditioned, model.condition(copies, remembered))
    shared = model.decode(model.condition(features, None), features, prompts)
    assert_same(shared, model.decode(model.condition(copies, None), copies, prompts))
    mask = noise(3, SIDE, SIDE, seed=8)
    memory = model.encode_memory(features, mask, shared.object_score_B, binarize=False)
    own = model.encode_memory(copies, mask, shared.object_score_B, binarize=False)
    assert_same(memory, own)
    assert_same(model.adopt_mask(features, mask), model.adopt_mask(copies, mask))


@pytest.mark.parametrize("masked", [False, True], ids=["points", "points and a mask"])
def test_rows_do_not_see_each_other(masked):
    model = tiny_model()
    features, prompts, remembered = encoded(model), clicks(3, masked=masked), readout(3)
    conditioned = model.condition(features, remembered)
    assert_same(conditioned[1:2], model.condition(features, row(remembered, 1)))
    together = model.decode(conditioned, features.rows(torch.zeros(3, dtype=torch.int64)), prompts)
    alone = model.decode(conditioned[1:2], features, row(prompts, 1))
    assert_same(row(together, 1), alone)


def test_candidates_of_one_image_for_every_kind_of_prompt():
    model = tiny_model()
    features = encoded(model)
    embedding = model.condition(features, None)
    seen = []
    for prompts in (
        clicks(1, points=0, masked=True),
        clicks(1, points=1),
        clicks(1, points=1, masked=True),
        PromptTensors(clicks(1).points_BP2, torch.tensor([[2, 3]])),
        PromptTensors.nothing(1, CPU),
    ):
        logits = model.decode(embedding, features, prompts).logits_BMhw
        assert logits.isfinite().all()
        assert all((logits - other).abs().max() > 1e-3 for other in seen)
        seen.append(logits)


def with_score(model, score):
    """The same object score for everything."""
    last = model.sam_mask_decoder.pred_obj_score_head.layers[2]
    last.weight.zero_()
    last.bias.fill_(score)
    return model


@pytest.mark.parametrize("score", [-1.0, 0.0])
def test_where_the_object_is_absent_every_pointer_is_the_learned_one(score):
    model = with_score(tiny_model(), score)
    features = encoded(model)
    candidates = model.decode(model.condition(features, None), features, clicks(2))
    assert torch.equal(candidates.object_score_B, torch.full((2,), score))
    assert torch.equal(candidates.pointers_BMC, model.no_obj_ptr.expand(2, 4, -1))


def test_where_the_object_is_visible_pointers_are_projected_mask_tokens():
    model = with_score(tiny_model(), 1.0)
    features, prompts = encoded(model), clicks(2)
    embedding = model.condition(features, None)
    raw = model.sam_mask_decoder(
        embedding + model.sam_prompt_encoder.embed_no_mask(),
        model.sam_prompt_encoder.embed_prompts(prompts.points_BP2, prompts.labels_BP, (SIDE, SIDE)),
        model.sam_prompt_encoder.pe_layer.grid((4, 4)),
        features,
    )
    ours = model.decode(embedding, features, prompts)
    assert_same(ours.pointers_BMC, model.obj_ptr_proj(raw.pointers_BMC))
    assert (ours.pointers_BMC[:, 0] - ours.pointers_BMC[:, 1]).abs().max() > 1e-3


def test_a_given_mask_is_its_own_answer():
    model = with_score(tiny_model(), 1.0)
    features = encoded(model)
    mask = (noise(2, SIDE, SIDE, seed=8) > 0).float()
    mask[1] = 0
    adopted = model.adopt_mask(features, mask)
    assert torch.equal(adopted.logits_BMhw, torch.where(mask > 0, 10.0, -10.0)[:, None])
    assert adopted.iou_BM.tolist() == [[1.0], [1.0]]
    assert adopted.object_score_B.tolist() == [10.0, -10.0]
    assert torch.equal(adopted.pointers_BMC[1], model.no_obj_ptr)
    small = F.conv2d(
        mask[:1, None], model.mask_downsample.weight, model.mask_downsample.bias, stride=4
    )
    prompts = PromptTensors(torch.zeros(1, 1, 2), torch.tensor([[-1]]), small[:, 0])
    decoded = model.decode(features.embedding_FLC, features, prompts)
    assert_same(adopted.pointers_BMC[:1], decoded.pointers_BMC[:, :1])


def test_a_given_mask_may_be_bool():
    model = tiny_model()
    features, mask = encoded(model), noise(1, SIDE, SIDE, seed=8) > 0
    assert_same(model.adopt_mask(features, mask), model.adopt_mask(features, mask.float()))


def test_a_memory_is_of_probabilities_or_of_a_binary_mask():
    model = tiny_model()
    features, logits, score = encoded(model), noise(2, SIDE, SIDE, seed=8), torch.ones(2)
    embedding = features.embedding_FLC
    for binarize, mask in ((False, logits.sigmoid()), (True, (logits > 0).float())):
        expected = model.memory_encoder(embedding, mask * 20 - 10, grid=(4, 4))
        ours = model.encode_memory(features, logits, score, binarize=binarize)
        assert_same(ours, expected)
    soft = model.encode_memory(features, logits, score, binarize=False)
    hard = model.encode_memory(features, logits, score, binarize=True)
    assert (soft - hard).abs().max() > 1e-3


@VERSIONS
def test_a_memory_of_an_absent_object_is_marked_by_models_of_2_1_alone(version):
    model = tiny_model(version=version)
    features, logits = encoded(model), noise(1, SIDE, SIDE, seed=8).expand(3, -1, -1)
    score = torch.tensor([1.0, 0.0, -1.0])
    visible, undecided, absent = model.encode_memory(features, logits, score, binarize=True)
    mark = model.no_obj_embed_spatial if version is Version.V2_1 else torch.zeros(1, 8)
    assert_same(absent, visible + mark)
    assert_same(undecided, absent)


def test_versions_differ_in_three_parameters():
    with torch.device("meta"):
        first, second = (set(SAM2(tiny_config(version)).state_dict()) for version in Version)
    assert second - first == {
        "no_obj_embed_spatial",
        "obj_ptr_tpos_proj.weight",
        "obj_ptr_tpos_proj.bias",
    }
    assert first < second


@torch.enable_grad()
def everything(model, frames=1):
    """A number that depends on every verb, on prompts of all kinds and on absent objects."""
    with torch.no_grad():
        # Decoded objects are visible, or nothing would be known of their pointers.
        model.sam_mask_decoder.pred_obj_score_head.layers[2].bias += 10
    given = (noise(2, SIDE, SIDE, seed=8) > 0).float()
    given[1] = 0
    features = encoded(model, frames=frames)
    of_row = features if frames == 1 else features.rows(torch.arange(2))
    prompts = clicks(2, masked=True, points=5)
    embedding = model.condition(of_row, readout(2))
    results = [
        model.decode(embedding, of_row, prompts),
        model.decode(model.condition(of_row, None), of_row, clicks(2, points=1)),
        model.adopt_mask(of_row, given),
    ]
    memory = model.encode_memory(
        of_row, noise(2, SIDE, SIDE, seed=8), torch.tensor([1.0, -1.0]), binarize=False
    )
    values = [memory]
    for result in results:
        values += [getattr(result, field.name) for field in dataclasses.fields(result)]
    return sum((value * noise(*value.shape, seed=9)).sum() for value in values)


# In every checkpoint, used by none of the released models.
TAUGHT_NOTHING = {"no_mem_pos_enc"}


@VERSIONS
@pytest.mark.parametrize("frames", [1, 2], ids=["rows share a frame", "rows with own frames"])
def test_every_parameter_is_taught_in_training(version, frames):
    model = tiny_model(version=version).train()
    everything(model, frames).backward()
    for name, parameter in model.named_parameters():
        if name in TAUGHT_NOTHING:
            assert parameter.grad is None
        elif not name.endswith("k_proj.bias"):
            # Softmax does not see what is added to all keys alike.
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name


def test_training_after_inference_is_training():
    model = tiny_model()
    with torch.inference_mode():
        features = encoded(model)
        model.condition(features, readout(2))
        model.decode(model.condition(features, None), features, clicks(2, masked=True))
    everything(model.train()).backward()
    assert model.image_encoder.trunk.pos_embed.grad.abs().max() > 0


def test_gradients_and_none_give_the_same_answers():
    model = tiny_model()
    features = encoded(model)
    plain = model.decode(model.condition(features, None), features, clicks(2))
    with torch.enable_grad():
        features = encoded(model)
        taught = model.decode(model.condition(features, None), features, clicks(2))
    assert taught.logits_BMhw.requires_grad
    assert_same(plain, taught, atol=1e-4)


@pytest.mark.parametrize("grad", [False, True], ids=["inference", "training"])
def test_a_region_of_autocast_around_the_model_does_no_harm(grad):
    """Programs written for the reference put one around every call."""
    model = tiny_model()
    features = encoded(model)
    expected = model.decode(model.condition(features, readout(2)), features, clicks(2, masked=True))
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.set_grad_enabled(grad):
        features = encoded(model)
        ours = model.decode(model.condition(features, readout(2)), features, clicks(2, masked=True))
        model.adopt_mask(features, torch.ones(1, SIDE, SIDE))
        model.encode_memory(features, noise(2, SIDE, SIDE), torch.ones(2), binarize=True)
    agreement = ((ours.logits_BMhw > 0) == (expected.logits_BMhw > 0)).float().mean()
    assert agreement > 0.95


def test_a_narrow_model_goes_through_all_verbs_and_stays_close():
    model, narrow = tiny_model(), set_precision(tiny_model(), torch.bfloat16)
    answers = []
    for one in (model, narrow):
        features = encoded(one)
        conditioned = one.condition(features, readout(2))
        one.encode_memory(features, noise(2, SIDE, SIDE), torch.ones(2), binarize=True)
        answers.append(one.decode(conditioned, features, clicks(2)))
    agreement = ((answers[0].logits_BMhw > 0) == (answers[1].logits_BMhw > 0)).float().mean()
    assert agreement > 0.95
    assert answers[1].logits_BMhw.dtype == torch.float32


def test_a_fresh_model_is_ready_for_training():
    model = SAM2(tiny_config())
    assert model.training
    assert model.device == CPU
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert 0.01 < model.maskmem_tpos_enc.std() < 0.03
    assert isinstance(encoded(model), FrameFeatures)
    candidates = model.decode(model.condition(encoded(model), None), encoded(model), clicks(1))
    assert isinstance(candidates, Candidates)
