"""Small bags of blocks, plain ViTs, and what they say of pictures."""

import torch
from transformers import ViTConfig, ViTForImageClassification

from hf_etc.models import build_model

TINY = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}


def bag(size=32, patch=8, **more):
    torch.manual_seed(0)
    return build_model("bag-vit", 5, image_size=size, patch_size=patch, **TINY, **more).eval()


def plain_vit(folder, **more):
    torch.manual_seed(1)
    ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, num_labels=7, **TINY, **more)).save_pretrained(
        folder
    )
    return str(folder)


def values(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1


@torch.no_grad()
def logits(model, pictures):
    return model(values(pictures)).logits
