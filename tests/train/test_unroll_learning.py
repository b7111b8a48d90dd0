"""What unrolling leaves to learn from: gradients reach what they should, and losses fall."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from masklet.model.sam2 import SAM2
from masklet.train.losses import LossRules
from masklet.train.prompting import (
    Click,
    FramePlan,
    PromptOptions,
    PromptPlan,
    UserPlan,
    draw_plan,
)
from masklet.train.unroll import UnrollOptions, unroll, unrolled_loss
from tests.tiny import tiny_config
from tests.train.clips import tiny_batch

CLICK, TWO = Click(), (Click(), Click())
FAST = UnrollOptions(looks="logits")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def plan_of(*frames):
    return PromptPlan((UserPlan(None, frames),))


@pytest.fixture(scope="module")
def batch():
    return tiny_batch(frames=3)


def fresh_model():
    """As training starts, without the chance of dropout."""
    torch.manual_seed(0)
    return SAM2(tiny_config()).eval()


def loss_of(model, batch, plan, options=FAST, rules=None):
    unrolled = unroll(model, batch, plan, generator=generator(), options=options)
    return unrolled_loss(unrolled, batch, rules=rules)


# In every checkpoint but used by none; and biases of keys, which softmax does not see, where the
# decoder leaves them out of its arithmetic.
UNUSED = {
    "no_mem_pos_enc",
    "sam_mask_decoder.transformer.final_attn_token_to_image.k_proj.bias",
    "sam_mask_decoder.transformer.layers.0.cross_attn_token_to_image.k_proj.bias",
    "sam_mask_decoder.transformer.layers.1.cross_attn_token_to_image.k_proj.bias",
}


def without_gradient(model):
    return {name for name, value in model.named_parameters() if value.grad is None}


def with_gradient_zero(model):
    gradients = {name: value.grad for name, value in model.named_parameters()}
    return {name for name, grad in gradients.items() if grad is not None and not grad.any()}


def learned(model, batch, *plans, options=FAST):
    """The gradients of several plans, added up."""
    model.zero_grad()
    for plan in plans:
        loss_of(model, batch, plan, options).total.backward()
    return model


def test_gradients_reach_every_parameter_that_training_changes():
    model = fresh_model().requires_grad_(True)
    batch = tiny_batch(frames=3, hidden=[(1, 0)])
    learned(
        model,
        batch,
        plan_of(FramePlan(0, CLICK, TWO), FramePlan(1, CLICK)),
        plan_of(FramePlan(0, "box", TWO)),
        plan_of(FramePlan(0, "mask"), FramePlan(1, "mask")),
    )
    assert without_gradient(model) == UNUSED
    # Of the ambiguous candidates only those learn masks that were best for some row.
    brushes = "sam_mask_decoder.output_hypernetworks_mlps."
    assert all(name.startswith(brushes) for name in with_gradient_zero(model))


def test_the_image_encoder_stays_as_it_is_where_it_is_frozen(batch):
    model = fresh_model().requires_grad_(True)
    plan = plan_of(FramePlan(0, CLICK, TWO))
    learned(model, batch, plan, options=UnrollOptions(looks="logits", freezes_encoder=True))
    still = without_gradient(model)
    assert all(name in still for name, _ in model.named_parameters() if "image_encoder" in name)
    assert "memory_encoder.out_proj.weight" not in still


def gradients(model):
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_decoding_corrections_again_in_the_backward_pass_changes_no_gradient(batch):
    model = fresh_model().requires_grad_(True)
    plan = plan_of(FramePlan(0, CLICK, TWO))
    kept = gradients(learned(model, batch, plan))
    again = UnrollOptions(looks="logits", checkpoints_decodes=True)
    repeated = gradients(learned(model, batch, plan, options=again))
    assert kept.keys() == repeated.keys()
    for name, expected in kept.items():
        torch.testing.assert_close(repeated[name], expected)


def test_memories_of_far_frames_can_be_detached(batch):
    plan, model = plan_of(FramePlan(0, CLICK)), fresh_model().requires_grad_(True)
    whole = loss_of(model, batch, plan, FAST)
    near = UnrollOptions(looks="logits", detach_after=1)
    cut = loss_of(model, batch, plan, near)
    torch.testing.assert_close(cut.total, whole.total)
    name = model.memory_encoder.out_proj.weight
    (all_frames,) = torch.autograd.grad(whole.total, name)
    (near_frames,) = torch.autograd.grad(cut.total, name)
    assert not torch.allclose(all_frames, near_frames)
    none = UnrollOptions(looks="logits", detach_after=0)
    alone = loss_of(model, batch, plan, none).total
    assert torch.autograd.grad(alone, name, allow_unused=True) == (None,)


class NoLooks(TorchDispatchMode):
    """Fails where a value is read on the host, or where values decide a shape."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        waits = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2")
        assert function.overloadpacket.__name__ not in waits
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("looks", ["full", "logits"])
def test_no_value_is_read_on_the_host(batch, looks):
    model = fresh_model().requires_grad_(True)
    rules = LossRules(resolution=looks, boundary=3.0, focal_over="errors")
    points = plan_of(FramePlan(0, CLICK, TWO), FramePlan(1, "box", TWO))
    # Tables of positions and windows are made once per size.
    model.encode_image(batch.frames_F3SS)
    for plan in (points, plan_of(FramePlan(0, "mask"))):
        with NoLooks():
            loss_of(model, batch, plan, UnrollOptions(looks=looks), rules).total.backward()
    with NoLooks(), pytest.raises(AssertionError):
        batch.frames_F3SS.sum().item()


def trained(plan_options, steps):
    """Losses of so many steps on one batch, the same prompts every time."""
    torch.manual_seed(0)
    model, batch = SAM2(tiny_config()).train(), tiny_batch(clips=1, frames=3)
    rules = LossRules(resolution="logits")
    plan = draw_plan(plan_options, frames=3, rows=2, generator=generator())
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        report = loss_of(model, batch, plan, FAST, rules)
        optimiser.zero_grad()
        report.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(report.total.item())
    return losses


def test_a_step_lowers_the_loss_of_its_batch():
    before, after = trained(PromptOptions(points=0.0), steps=2)
    assert after < before


def test_twenty_steps_on_one_batch_bring_its_loss_to_a_third():
    losses = trained(PromptOptions(points=1.0, corrections=1), steps=20)
    assert losses[-1] < losses[0] / 3
