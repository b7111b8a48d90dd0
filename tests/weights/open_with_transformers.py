"""Load a folder with transformers and save it again; run as a program, in a process of its own."""

import json
import sys


def main(kind, source, target):
    # A torchvision that does not match its torch breaks the import of transformers, which can do
    # without one.
    sys.modules["torchvision"] = None
    import torch
    from transformers import Sam2Model, Sam2VideoModel

    kinds = {"Sam2VideoModel": Sam2VideoModel, "Sam2Model": Sam2Model}
    model, said = kinds[kind].from_pretrained(source, output_loading_info=True)
    model.save_pretrained(target)
    torch.save(model.state_dict(), f"{target}/state_dict.pt")
    document = {name: sorted(map(str, keys)) for name, keys in said.items()}
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
