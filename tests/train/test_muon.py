"""Muon's steps are orthogonal, together the same as one by one, and lead downhill."""

import math

import pytest
import torch
from torch import nn

from masklet.errors import TrainingError
from masklet.train.muon import Muon, orthogonal_factors
from tests.tiny import noise


def plain_factor(matrix):
    """Newton-Schulz as its formula says, for one matrix in float64."""
    x = matrix.double() / matrix.double().norm()
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
    return x


def plain_steps(weight, gradients, lr=0.02, momentum=0.95, decay=0.01):
    """Muon for one matrix, written down plainly."""
    weight, kept = weight.double(), torch.zeros_like(weight).double()
    for gradient in gradients:
        kept = momentum * kept + (1 - momentum) * gradient.double()
        ahead = momentum * kept + (1 - momentum) * gradient.double()
        scale = math.sqrt(max(1, weight.shape[0] / weight.shape[1]))
        weight = weight * (1 - lr * decay) - lr * scale * plain_factor(ahead)
    return weight.float()


def learn(optimizer, parameters, gradients):
    for at_once in gradients:
        for parameter, gradient in zip(parameters, at_once, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(24, 24), (16, 80), (80, 16)], ids=str)
def test_all_directions_of_a_step_are_of_about_the_same_length(shape, precision):
    orthogonal = torch.linalg.svd(noise(*shape), full_matrices=False)
    values = torch.linspace(1.0, 0.05, len(orthogonal.S))
    matrix = orthogonal.U @ torch.diag(values) @ orthogonal.Vh
    (factor,) = orthogonal_factors([matrix * 1e4], precision)
    found = torch.linalg.svdvals(factor)
    assert factor.dtype == torch.float32
    assert found.min() > 0.6
    assert found.max() < 1.3
    # The directions themselves stay: the factor of a polar decomposition, up to those lengths.
    inner = orthogonal.U.T @ factor @ orthogonal.Vh.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 0.05


def test_a_gradient_of_zero_moves_nothing():
    (factor,) = orthogonal_factors([torch.zeros(4, 6)])
    assert torch.equal(factor, torch.zeros(4, 6))


def test_many_matrices_at_once_get_the_factor_that_each_gets_alone():
    shapes = [(8, 8), (8, 20), (20, 8), (8, 8), (5, 3), (8, 20)]
    matrices = [noise(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    for matrix, factor in zip(matrices, orthogonal_factors(matrices, torch.float32), strict=True):
        expected = (
            plain_factor(matrix) if len(matrix) <= matrix.shape[1] else plain_factor(matrix.T).T
        )
        torch.testing.assert_close(factor, expected.float(), atol=2e-5, rtol=0)


def test_steps_equal_a_plain_loop_over_matrices():
    shapes = [(8, 8), (12, 6), (6, 12), (8, 8)]
    starts = [noise(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    gradients = [
        [noise(*shape, seed=10 * step + n) for n, shape in enumerate(shapes)] for step in range(3)
    ]
    parameters = [nn.Parameter(start.clone()) for start in starts]
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.1}]
    learn(Muon(groups, precision=torch.float32), parameters, gradients)
    for number, (start, parameter) in enumerate(zip(starts, parameters, strict=True)):
        own = [at_once[number] for at_once in gradients]
        expected = plain_steps(start, own, lr=0.02 if number < 2 else 0.1)
        torch.testing.assert_close(parameter.detach(), expected, atol=2e-5, rtol=0)


def test_bfloat16_products_move_almost_the_same_way():
    start, gradient = noise(32, 48), noise(32, 48, seed=1)
    moved = []
    for precision in (torch.float32, torch.bfloat16):
        weight = nn.Parameter(start.clone())
        learn(Muon([weight], lr=1.0, precision=precision), [weight], [[gradient]])
        moved.append((weight.detach() - start).flatten())
    assert torch.cosine_similarity(*moved, dim=0) > 0.999


def test_stacked_matrices_are_worked_on_one_by_one():
    start, gradient = noise(18, 6), noise(18, 6, seed=1)
    stacked = nn.Parameter(start.clone())
    learn(Muon([stacked], pieces=3, precision=torch.float32), [stacked], [[gradient]])
    thirds = [nn.Parameter(part.clone()) for part in start.chunk(3)]
    learn(Muon(thirds, precision=torch.float32), thirds, [list(gradient.chunk(3))])
    torch.testing.assert_close(stacked.detach(), torch.cat(thirds).detach())


def test_a_kernel_counts_as_the_matrix_of_its_outputs():
    start, gradient = noise(6, 4, 3, 3), noise(6, 4, 3, 3, seed=1)
    kernel = nn.Parameter(start.clone())
    learn(Muon([kernel], precision=torch.float32), [kernel], [[gradient]])
    matrix = nn.Parameter(start.flatten(1).clone())
    learn(Muon([matrix], precision=torch.float32), [matrix], [[gradient.flatten(1)]])
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach())


def test_gradients_are_left_as_they_are_and_parameters_without_any_too():
    seen, unseen = nn.Parameter(noise(4, 4)), nn.Parameter(noise(4, 4))
    optimizer = Muon([{"params": [seen]}, {"params": [unseen]}])
    seen.grad = noise(4, 4, seed=1)
    optimizer.step()
    assert torch.equal(seen.grad, noise(4, 4, seed=1))
    assert torch.equal(unseen.detach(), noise(4, 4))
    assert list(optimizer.state) == [seen]


def test_a_quadratic_problem_is_solved():
    wanted, inputs = noise(12, 20), noise(20, 64, seed=1)
    weight = nn.Parameter(torch.zeros(12, 20))
    optimizer = Muon([weight], weight_decay=0.0)

    def loss():
        return ((weight - wanted) @ inputs).square().mean()

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value.item()

    first = optimizer.step(closure)
    for step in range(150):
        optimizer.param_groups[0]["lr"] = 0.2 * (1 - step / 150)
        optimizer.step(closure)
    assert first > 10
    assert loss().item() < 1e-3 * first


@pytest.mark.parametrize(("shape", "pieces"), [((5,), 1), ((8, 4), 3)], ids=["vector", "pieces"])
def test_what_is_no_matrix_is_refused(shape, pieces):
    wanted = r"Muon was given a parameter of shape \(.*\) in . pieces; expected matrices .* AdamW"
    with pytest.raises(TrainingError, match=wanted):
        Muon([nn.Parameter(torch.zeros(shape))], pieces=pieces)
