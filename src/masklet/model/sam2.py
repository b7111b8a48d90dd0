"""SAM 2: the parts, and the four verbs that compose them.

Attribute names of parameters are the official checkpoint's, so that its files load strictly.
Source: arXiv 2408.00714. Shapes as in `tensors`.
"""

import torch
from torch import Tensor, nn

from masklet.model.config import ModelConfig, Version
from masklet.model.image_encoder import ImageEncoder
from masklet.model.kernels import rows_in_cache
from masklet.model.layers import MLP, Linear
from masklet.model.mask_decoder import MaskDecoder
from masklet.model.memory_attention import Keys, MemoryAttention, SpatialKeys
from masklet.model.memory_encoder import MemoryEncoder
from masklet.model.positions import sine_grid, sine_places, sine_times
from masklet.model.prompt_encoder import PromptEncoder
from masklet.model.tensors import Candidates, FrameFeatures, MemoryReadout, PromptTensors

# A mask is remembered on a scale from -10, outside, to 10, inside.
_MEMORY_SCALE, _MEMORY_BIAS = 20.0, -10.0
_SLOTS = 7


class SAM2(nn.Module):
    """The network of one config. It chooses nothing and remembers nothing.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> model = SAM2(SAM2_1_TINY).eval().requires_grad_(False)
    >>> features = model.encode_image(torch.zeros(1, 3, 64, 64))
    >>> click = PromptTensors(torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]]))
    >>> model.decode(model.condition(features, None), features, click).logits_BMhw.shape
    torch.Size([1, 4, 16, 16])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, memory_width = config.width, config.memory.width
        self.image_encoder = ImageEncoder(config)
        self.sam_prompt_encoder = PromptEncoder(width)
        self.sam_mask_decoder = MaskDecoder(width)
        self.memory_attention = MemoryAttention(width, config.memory)
        self.memory_encoder = MemoryEncoder(width, config.memory)
        # Time: row 6 is added to conditioning memories, row 0 to the latest frame's.
        self.maskmem_tpos_enc = nn.Parameter(torch.zeros(_SLOTS, 1, 1, memory_width))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, width))
        # In every checkpoint, used by none of the released models.
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, width))
        self.no_obj_ptr = nn.Parameter(torch.zeros(1, width))
        # Brings a mask prompt to the resolution of logits, on its way to an object pointer.
        self.mask_downsample = nn.Conv2d(1, 1, kernel_size=4, stride=4)
        self.obj_ptr_proj = MLP((width, width, width, width), activation="relu")
        if config.memory.version is Version.V2_1:
            self.no_obj_embed_spatial = nn.Parameter(torch.zeros(1, memory_width))
            self.obj_ptr_tpos_proj = Linear(width, memory_width)
            nn.init.trunc_normal_(self.no_obj_embed_spatial, std=0.02)
        for embedding in (
            self.maskmem_tpos_enc,
            self.no_mem_embed,
            self.no_mem_pos_enc,
            self.no_obj_ptr,
        ):
            nn.init.trunc_normal_(embedding, std=0.02)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.no_obj_ptr.device

    def encode_image(self, images_F3SS: Tensor) -> FrameFeatures:
        """Normalised images, sides multiples of 32, to features. The costly verb."""
        decoder = self.sam_mask_decoder
        features: FrameFeatures = self.image_encoder(images_F3SS, decoder.conv_s0, decoder.conv_s1)
        return features

    def condition(self, features: FrameFeatures, readout: MemoryReadout | None) -> Tensor:
        """The frame in the light of B rows of memories, `(B, L, C)`.

        Without memory every row sees the same, `(F, L, C)` (parity 13).
        """
        if readout is None:
            return features.embedding_FLC.float() + self.no_mem_embed
        conditioned: Tensor = self.memory_attention(
            features.embedding_FLC,
            self._spatial_keys(readout, features.grid),
            self._pointer_keys(readout),
            grid=features.grid,
            cells=readout.cells,
        )
        return conditioned

    def decode(
        self, embedding_BLC: Tensor, features: FrameFeatures, prompts: PromptTensors
    ) -> Candidates:
        """All four candidates of every row, with a pointer for each."""
        is_shared = len(embedding_BLC) == 1 and prompts.mask_Bhw is None
        # Eight rows of `masklet-small` at 512 pixels and two of `sam2.1-hiera-tiny` at 1024 are the
        # fastest: of sixteen and eight, one and all at once took 177 and 89 instead of 81 ms, 262 and
        # 418 instead of 214 (two threads of AMD Zen 4).
        rows = len(prompts)
        pairs = rows_in_cache((rows + 1) // 2, embedding_BLC[0].numel(), embedding_BLC.device)
        at_once = 2 * pairs
        if is_shared or at_once >= rows:
            return self._decode(embedding_BLC, features, prompts)
        parts = []
        for start in range(0, rows, at_once):
            some = slice(start, start + at_once)
            seen_BLC = embedding_BLC if len(embedding_BLC) == 1 else embedding_BLC[some]
            seen = features if len(features) == 1 else features.part(some)
            parts.append(self._decode(seen_BLC, seen, prompts.part(some)))
        return Candidates.joined(parts)

    def adopt_mask(self, features: FrameFeatures, mask_BSS: Tensor) -> Candidates:
        """A mask given by the user as its own single candidate (parity 4).

        Args:
            features: of one frame for all rows or of one per row.
            mask_BSS: 0..1 at the size of the model's input.

        Returns:
            Candidates with M = 1: logits of -10 and 10 at full size `(B, 1, S, S)`, an IoU of 1,
            the pointer that the decoder finds for it, an object score of 10, or -10 if it is empty.
        """
        rows = len(mask_BSS)
        prompts = PromptTensors(
            points_BP2=torch.zeros((rows, 1, 2), device=mask_BSS.device),
            labels_BP=torch.full((rows, 1), -1, dtype=torch.int64, device=mask_BSS.device),
            mask_Bhw=self.mask_downsample(mask_BSS[:, None].float())[:, 0],
        )
        # The raw features: no memory, and no "no memory" either.
        decoded = self.decode(features.embedding_FLC, features, prompts)
        is_visible = (mask_BSS > 0).flatten(1).any(dim=1)
        pointers = torch.where(
            is_visible[:, None, None], decoded.pointers_BMC[:, :1], self.no_obj_ptr
        )
        score = torch.where(is_visible, 10.0, -10.0)
        return Candidates(
            logits_BMhw=(mask_BSS[:, None].float() * 20.0 - 10.0),
            iou_BM=torch.ones((rows, 1), device=mask_BSS.device),
            pointers_BMC=pointers,
            object_score_B=score,
        )

    def encode_memory(
        self,
        features: FrameFeatures,
        logits_BSS: Tensor,
        object_score_B: Tensor,
        *,
        binarize: bool,
    ) -> Tensor:
        """Spatial memories of B rows, `(B, L, D)`.

        Args:
            features: raw features of one frame for all rows or of one per row.
            logits_BSS: mask logits at the size of the model's input.
            object_score_B: where it is not positive, a 2.1 model marks the memory as "absent".
            binarize: take the mask as 0 and 1, as for prompted frames (parity 5), not through a
                sigmoid.
        """
        rows, values = len(logits_BSS), logits_BSS[0].numel() // self.config.memory.mask_stride
        # The first convolution makes as many values as it sees. One row of `sam2.1-hiera-tiny` at 1024
        # pixels at once is the fastest: eight take half as long again.
        at_once = rows_in_cache(rows, values, logits_BSS.device)
        parts = []
        for start in range(0, rows, at_once):
            some = slice(start, start + at_once)
            logits = logits_BSS[some]
            mask = (logits > 0).float() if binarize else logits.float().sigmoid()
            seen_BLC = features.embedding_FLC
            parts.append(
                self.memory_encoder(
                    seen_BLC if len(seen_BLC) == 1 else seen_BLC[some],
                    mask * _MEMORY_SCALE + _MEMORY_BIAS,
                    grid=features.grid,
                )
            )
        memory = parts[0] if len(parts) == 1 else torch.cat(parts)
        if self.config.memory.version is Version.V2_1:
            is_absent = (object_score_B <= 0).to(memory.dtype)[:, None, None]
            memory = memory + is_absent * self.no_obj_embed_spatial
        return memory

    def _decode(
        self, embedding_BLC: Tensor, features: FrameFeatures, prompts: PromptTensors
    ) -> Candidates:
        encoder = self.sam_prompt_encoder
        size = (features.grid[0] * 16, features.grid[1] * 16)
        dense = encoder.embed_no_mask()
        if prompts.mask_Bhw is not None:
            dense = encoder.embed_mask(prompts.mask_Bhw)
        candidates: Candidates = self.sam_mask_decoder(
            embedding_BLC.float() + dense,
            encoder.embed_prompts(prompts.points_BP2, prompts.labels_BP, size),
            encoder.pe_layer.grid(features.grid),
            features,
        )
        is_visible = candidates.object_score_B > 0
        return Candidates(
            logits_BMhw=candidates.logits_BMhw,
            iou_BM=candidates.iou_BM,
            pointers_BMC=self._pointers(candidates.pointers_BMC, is_visible),
            object_score_B=candidates.object_score_B,
        )

    def _pointers(self, tokens_BMC: Tensor, is_visible_B: Tensor) -> Tensor:
        pointers = self.obj_ptr_proj(tokens_BMC).float()
        return torch.where(is_visible_B[:, None, None], pointers, self.no_obj_ptr)

    def _spatial_keys(self, readout: MemoryReadout, grid: tuple[int, int]) -> SpatialKeys:
        memory_width = self.config.memory.width
        if readout.cells is None:
            places = sine_grid(grid, memory_width, readout.spatial_BNLD.device)
        else:
            places = sine_places(readout.cells.places_BS2, grid, memory_width)
        # Slot 0, a conditioning frame, uses the last row; slot 6, the latest frame, row 0.
        slots_BN = _SLOTS - 1 - readout.slots_BN
        tokens = readout.spatial_BNLD.shape[2]
        return SpatialKeys(
            tokens_BSD=readout.spatial_BNLD.flatten(1, 2),
            places_LD=places,
            slots_BS=slots_BN.repeat_interleave(tokens, dim=1),
            times_ND=self.maskmem_tpos_enc[:, 0, 0],
        )

    def _pointer_keys(self, readout: MemoryReadout) -> Keys:
        memory_width = self.config.memory.width
        pieces = self.config.width // memory_width
        # parity 3: a pointer is read as several tokens of a memory's width, at the same time.
        tokens = readout.pointers_BKC.float().unflatten(2, (pieces, memory_width)).flatten(1, 2)
        if self.config.memory.version is Version.V2_0:
            return tokens, torch.zeros_like(tokens)
        times = self.obj_ptr_tpos_proj(sine_times(readout.times_BK, self.config.width)).float()
        return tokens, times.repeat_interleave(pieces, dim=1)
