"""A sentence encoder on disk: a plain sentence-transformers folder, which needs no code of this project.

    SentenceTransformer("assets/model/text").encode(["the ship was lost"])

Tokens → BERT → their mean → unit length → minus the mean of many sentences → unit length. Every text is prefixed with
"query: ", as e5 wants it, by the folder's own default prompt. The vectors of e5 all point much the same way (cosines
of .7 to 1); without their mean they use the whole sphere.

Weights are float16, word embeddings 8-bit floats (e4m3): they were learned in 4 bits or nearly so, and half a file is
saved. All are float32 once they are loaded. Word, position and type embeddings are multiplied by a power of two that
brings them into the range of 8 bits; the layer norm that follows their sum undoes it.
"""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel, PreTrainedTokenizerFast

from .e5 import END, PAD, START, UNKNOWN

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROMPT = "query: "
WORDS = "embeddings.word_embeddings.weight"
SCALED = (WORDS, "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight")
LARGEST = 128.0  # no word embedding in the file is as large: 8 bits reach 448, and lose precision below 1/64


def assemble(model: BertModel, tokenizer: Tokenizer, mean: Tensor | None = None) -> "SentenceTransformer":
    """The encoder, on the CPU.

    Args:
        mean: of the unit vectors of many sentences, float32 (dim,); None leaves the vectors as they are.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    dim, longest = model.config.hidden_size, model.config.max_position_embeddings
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token=START, cls_token=START, pad_token=PAD, eos_token=END, sep_token=END,
            unk_token=UNKNOWN, model_max_length=longest, model_input_names=["input_ids", "attention_mask"],
        ).save_pretrained(scratch)  # fmt: skip
        transformer = Transformer(scratch, max_seq_length=longest)
    modules = [transformer, Pooling(dim), Normalize()]
    if mean is not None:
        centre = Dense(dim, dim, activation_function=nn.Identity())
        centre.linear.load_state_dict({"weight": torch.eye(dim), "bias": -mean})
        modules += [centre, Normalize()]
    prompts = {"query": PROMPT, "document": PROMPT}
    return SentenceTransformer(modules=modules, device="cpu", prompts=prompts, default_prompt_name="query").eval()


def save(encoder: "SentenceTransformer", folder: Path) -> None:
    """Write what `assemble` made, or what such a folder was loaded as, with its weights in 16 and 8 bits."""
    encoder.save(str(folder), create_model_card=False)
    for path in folder.rglob("model.safetensors"):
        save_file(_packed(load_file(path)), path, {"format": "pt"})
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _packed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are in the file. What is packed again stays the same."""
    scale = 1.0
    if WORDS in weights:
        scale = LARGEST / 2.0 ** float(torch.frexp(weights[WORDS].abs().max())[1])
    return {
        name: (value * scale if name in SCALED else value).to(torch.float8_e4m3fn if name == WORDS else torch.float16)
        for name, value in weights.items()
    }
