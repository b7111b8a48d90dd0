"""The public interface of the official SAM 2 package, on masklet: images and videos.

A program that says `from sam2.build_sam import build_sam2` runs on masklet when it says
`from masklet.compat.sam2.build_sam import build_sam2`, or unchanged under
`python -m masklet.compat PROGRAM.py`. Offered are

- `build_sam`: `build_sam2`, `build_sam2_hf`, `build_sam2_video_predictor`,
  `build_sam2_video_predictor_hf`;
- `sam2_image_predictor`: `SAM2ImagePredictor` with all its public methods;
- `sam2_video_predictor`: `SAM2VideoPredictor` with all its public methods;
- `modeling.sam2_base`: `SAM2Base`, what the builders return, for annotations and `isinstance`.

What is done otherwise for videos is in `docs/differences.md`. Reproduced for images, with what is
odd about it:

- Pictures are stretched to the model's square, antialiased; a Pillow image is taken as it is
  stored, whatever its EXIF orientation says.
- Masks come back as float32 of 0 and 1, not bool; low-resolution logits are cut off at -32 and 32.
- A box of several has a leading axis in every answer, a single one has not.
- Three candidates stay in the network's order; the best is not always the first.
- `normalize_coords=True` means pixels of the image, False means 0 to 1.
- A single mask is candidate 0 unless it is unstable; then it is the best of the other three.
  `apply_postprocessing=False` always gives candidate 0. With `apply_postprocessing=True` the
  overrides of that rule are overridden themselves and do nothing.
- `max_hole_area` and `max_sprinkle_area` count pixels of the 256-pixel logits, not of the image.
  Holes and sprinkles are both looked for in the mask as it was decoded, so the filled hole of a
  ring that is dropped as a sprinkle stays.
- `predict` after `set_image_batch` answers for the last image.
- Unknown keyword arguments of builders and constructors are ignored.

Better than the reference, where no answer can depend on it: any input size that is a multiple of
32, holes and sprinkles on every device without a compiled extension, calls inside and outside
`torch.autocast` in any order, Pillow images of every 8-bit mode, also in batches, masks without
points for several objects, and the CPU where no device is named and CUDA is missing. Prompts that
are empty, not finite or labelled with what means nothing are refused, not answered with nonsense.

Refused: private attributes, except that `_orig_hw` and `_features` can be read; the forward methods
of the network's parts, which have other signatures here (their names in `state_dict` are the same);
float images; Hydra overrides without a counterpart (the error says what to use). Weights come from
masklet's own cache, and reading a checkpoint never runs code from it.
"""
