"""The two-way transformer: prompt tokens read the image, the image reads the prompt tokens.

Source: Segment Anything (arXiv 2304.02643, appendix A). There are about ten tokens and thousands of
image positions, so the reference's projections of the image dominate. Both cross-attentions are
computed without them wherever rows see different images: a projected key only ever meets a projected
query, so `q . (x Wk)` is `(q Wk^T) . x`, and a weighted sum of projected values is the projected
weighted sum. The result is the same up to rounding, with half the arithmetic. Where all rows look at
one image (the first layer, when no row has a mask prompt), the image is projected once for all.

Shapes: B rows, T tokens, L image positions, C width, G heads, D width of a head; the image's leading
dimension is 1 (shared by all rows) or B.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from masklet.model.kernels import attend
from masklet.model.layers import MLP, LayerNorm, Linear


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The transformer's results."""

    tokens_BTC: Tensor
    image_BLC: Tensor


class TwoWayTransformer(nn.Module):
    """Two layers and a last look of the tokens at the image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _TwoWayLayer(width, replaces_tokens=number == 0) for number in range(2)
        )
        self.final_attn_token_to_image = Attention(width, width // 2)
        self.norm_final_attn = LayerNorm(width)

    def forward(self, tokens_BTC: Tensor, image_BLC: Tensor, positions_LC: Tensor) -> TwoWay:
        """Tokens with the image they ask about; the tokens double as their own positions."""
        tokens, image = tokens_BTC, image_BLC
        for layer in self.layers:
            tokens, image = layer(tokens, image, tokens_BTC, positions_LC)
        final = self.final_attn_token_to_image
        tokens = tokens + final.read_image(tokens + tokens_BTC, image, positions_LC)
        return TwoWay(self.norm_final_attn(tokens), image)


class _TwoWayLayer(nn.Module):
    def __init__(self, width: int, *, replaces_tokens: bool) -> None:
        super().__init__()
        self.replaces_tokens = replaces_tokens
        self.self_attn = Attention(width, width)
        self.norm1 = LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, width // 2)
        self.norm2 = LayerNorm(width)
        self.mlp = MLP((width, 8 * width, width), activation="relu")
        self.norm3 = LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, width // 2)
        self.norm4 = LayerNorm(width)

    def forward(
        self, tokens_BTC: Tensor, image_BLC: Tensor, places_BTC: Tensor, positions_LC: Tensor
    ) -> tuple[Tensor, Tensor]:
        tokens = tokens_BTC
        if self.replaces_tokens:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            placed = tokens + places_BTC
            tokens = tokens + self.self_attn(placed, placed, tokens)
        tokens = self.norm1(tokens)
        reading = self.cross_attn_token_to_image.read_image(
            tokens + places_BTC, image_BLC, positions_LC
        )
        tokens = self.norm2(tokens + reading)
        tokens = self.norm3(tokens + self.mlp(tokens))
        answer = self.cross_attn_image_to_token.read_tokens(
            image_BLC, positions_LC, tokens + places_BTC, tokens
        )
        return tokens, self.norm4(image_BLC + answer)


class Attention(nn.Module):
    """Attention with eight heads that may be narrower than its input, in the forms used here."""

    heads = 8

    def __init__(self, width: int, internal: int) -> None:
        super().__init__()
        self.q_proj = Linear(width, internal)
        self.k_proj = Linear(width, internal)
        self.v_proj = Linear(width, internal)
        self.out_proj = Linear(internal, width)

    def forward(self, q_BLC: Tensor, k_BSC: Tensor, v_BSC: Tensor) -> Tensor:
        """The plain form, `(B, L, C)`."""
        q, k, v = self.q_proj(q_BLC), self.k_proj(k_BSC), self.v_proj(v_BSC)
        attended = attend(self._split(q), self._split(k), self._split(v))
        out: Tensor = self.out_proj(attended.flatten(2))
        return out

    def read_image(self, tokens_BTC: Tensor, image_BLC: Tensor, positions_LC: Tensor) -> Tensor:
        """Tokens attend to the image, `(B, T, C)`; keys are image plus positions."""
        rows, count, _ = tokens_BTC.shape
        if len(image_BLC) == 1:
            folded = tokens_BTC.reshape(1, rows * count, -1)
            read: Tensor = self(folded, image_BLC + positions_LC, image_BLC)
            return read.reshape(rows, count, -1)
        q_BTGD = self._split(self.q_proj(tokens_BTC))
        # The key's bias adds the same to all scores of a query, and softmax does not see it.
        asked_BTGC = torch.einsum("btgd,gdc->btgc", q_BTGD, self._heads_of(self.k_proj.weight))
        scores = _product(asked_BTGC.flatten(1, 2) * self._scale, image_BLC + positions_LC)
        read_BQC = scores.softmax(dim=-1) @ image_BLC.to(scores.dtype)
        read_BTGC = read_BQC.reshape(rows, count, self.heads, -1)
        values = torch.einsum("btgc,gdc->btgd", read_BTGC, self._heads_of(self.v_proj.weight))
        out: Tensor = self.out_proj(values.flatten(2) + self.v_proj.bias)
        return out

    def read_tokens(
        self, image_BLC: Tensor, positions_LC: Tensor, keys_BTC: Tensor, values_BTC: Tensor
    ) -> Tensor:
        """The image attends to the tokens, `(B, L, C)`."""
        rows, count, _ = keys_BTC.shape
        k_BTGD = self._split(self.k_proj(keys_BTC)) * self._scale
        v_BTGD = self._split(self.v_proj(values_BTC))
        if len(image_BLC) == 1:
            q_LGD = self._split(self.q_proj(image_BLC + positions_LC))[0]
            scores = torch.einsum("btgd,lgd->bgtl", k_BTGD, q_LGD)
        else:
            asked_BGTC = torch.einsum("btgd,gdc->bgtc", k_BTGD, self._heads_of(self.q_proj.weight))
            bias_BGT1 = torch.einsum("btgd,gd->bgt", k_BTGD, self._heads_of(self.q_proj.bias))
            scores = _product(asked_BGTC.flatten(1, 2), image_BLC + positions_LC)
            scores = scores.reshape(rows, self.heads, count, -1) + bias_BGT1[..., None]
        weights_BQL = scores.softmax(dim=2).flatten(1, 2)
        out_weight_GDC = self._heads_of(self.out_proj.weight.t())
        # The weights of every head add up to one, so the bias may be shared out among the heads.
        bias_C = self.out_proj.bias / self.heads
        values_BGTC = torch.einsum("btgd,gdc->bgtc", v_BTGD, out_weight_GDC) + bias_C
        return weights_BQL.transpose(1, 2) @ values_BGTC.flatten(1, 2)

    @property
    def _scale(self) -> float:
        return (self.q_proj.out_features // self.heads) ** -0.5

    def _split(self, x_BLC: Tensor) -> Tensor:
        return x_BLC.unflatten(-1, (self.heads, -1))

    def _heads_of(self, parameter: Tensor) -> Tensor:
        return parameter.unflatten(0, (self.heads, -1))


def _product(asked_BQC: Tensor, image_BLC: Tensor) -> Tensor:
    """Scores of every query with every position of its own image, `(B, Q, L)`."""
    return asked_BQC @ image_BLC.to(asked_BQC.dtype).transpose(1, 2)
