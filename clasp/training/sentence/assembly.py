"""From a network and its tokenizer to a sentence encoder, of nothing but modules of sentence-transformers.

Tokens → BERT → their mean → unit length → minus the mean of many sentences → unit length. Every text is prefixed with
"query: ", as e5 wants it, by the folder's own default prompt. The vectors of e5 all point much the same way (cosines
of .7 to 1); without their mean they use the whole sphere.
"""

import tempfile
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel, PreTrainedTokenizerFast

from clasp.training.sentence.e5 import END, PAD, START, UNKNOWN

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROMPT = "query: "


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
