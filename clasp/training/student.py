"""The multilingual text encoder that is trained: its tokenizer, its network, and its folder on disk.

The folder is a plain sentence-transformers model (ModernBERT with a small config, mean pooling, Dense to the
teacher's 384 dimensions, Normalize), so that using it needs no code of this project:

    SentenceTransformer("runs/text").encode(["the ship was lost"])
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertModel, PreTrainedTokenizerFast

PAD, START, UNKNOWN = "<pad>", "<s>", "<unk>"
MAX_TOKENS = 128
DIM = 384  # the teacher's


def new_tokenizer() -> Tokenizer:
    """An untrained unigram tokenizer: NFKC, lower case, accents kept, punctuation dropped except "?".

    Speech has no punctuation; a question is still told from a statement. Arabic vowel signs go, Arabic and
    Persian yeh and kaf become one letter. Han and kana runs are cut apart from other scripts.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFKC(),
        normalizers.Lowercase(),
        normalizers.Replace(Regex("[\u0640\u064b-\u0652\u0307]"), ""),
        normalizers.Replace("\u064a", "\u06cc"),
        normalizers.Replace("\u0643", "\u06a9"),
        normalizers.Replace("\u061f", "?"),
        normalizers.Replace(Regex(r"\?+"), " ?"),
        normalizers.Replace(Regex(r"[^\p{L}\p{M}\p{N}?]+"), " "),
        normalizers.Strip(),
    ])  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(prepend_scheme="always"),
        pre_tokenizers.Split(Regex(r"[\p{Han}\p{Hiragana}\p{Katakana}\u30fc]+"), "isolated"),
    ])  # fmt: skip
    return tokenizer


def train_tokenizer(texts: Iterable[str], size: int, rare: int = 4) -> Tokenizer:
    """A tokenizer of about `size` pieces; characters seen fewer than `rare` times become <unk>."""
    tokenizer = new_tokenizer()
    plain = [tokenizer.normalizer.normalize_str(text) for text in texts]
    counts: dict[str, int] = {}
    for text in plain:
        for character in text:
            counts[character] = counts.get(character, 0) + 1
    blank = {ord(character): " " for character, count in counts.items() if count < rare}
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=[PAD, START, UNKNOWN], unk_token=UNKNOWN, max_piece_length=16,
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator((text.translate(blank) for text in plain), trainer, length=len(plain))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, tokenizer.token_to_id(START))]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


class Student(nn.Module):
    """Token ids → unit vectors of DIM dimensions. Its layers start as the identity, so that the bag of its
    embeddings (`deep=False`) can be trained first, which is fast, and the layers then only refine it."""

    def __init__(self, vocabulary: int, *, width: int = 256, layers: int = 2, heads: int = 4, inner: int = 512):
        super().__init__()
        self.backbone = ModernBertModel(ModernBertConfig(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers,
            num_attention_heads=heads, max_position_embeddings=MAX_TOKENS, global_attn_every_n_layers=1,
            local_attention=MAX_TOKENS, pad_token_id=0, bos_token_id=1, eos_token_id=1, cls_token_id=1,
            sep_token_id=1, attn_implementation="sdpa",
        ))  # fmt: skip
        self.head = nn.Linear(width, DIM)
        for layer in self.backbone.layers:
            nn.init.zeros_(layer.attn.Wo.weight)
            nn.init.zeros_(layer.mlp.Wo.weight)

    def forward(self, ids: Tensor, deep: bool = True) -> Tensor:
        """ids: int64 (B, T), 0 where padded. Returns float32 (B, DIM), unit rows."""
        mask = ids != 0  # (B, T)
        if deep:
            hidden = self.backbone(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        else:
            hidden = self.backbone.final_norm(self.backbone.embeddings(input_ids=ids))  # (B, T, width)
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weight).sum(1) / weight.sum(1)  # (B, width)
        return nn.functional.normalize(self.head(pooled), dim=-1)


def save(student: Student, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the sentence-transformers folder, weights as float16 safetensors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with tempfile.TemporaryDirectory() as scratch:
        student.backbone.save_pretrained(scratch)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token=PAD, cls_token=START, unk_token=UNKNOWN,
            model_max_length=MAX_TOKENS, model_input_names=["input_ids", "attention_mask"],
        ).save_pretrained(scratch)  # fmt: skip
        transformer = Transformer(scratch, max_seq_length=MAX_TOKENS)
    width = student.backbone.config.hidden_size
    dense = Dense(width, DIM, activation_function=nn.Identity())
    dense.linear.load_state_dict(student.head.state_dict())
    model = SentenceTransformer(modules=[transformer, Pooling(width), dense, Normalize()], device="cpu")
    model.half().save(str(folder), create_model_card=False)
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"  # what it computes in; the file keeps half of that
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def batches(rows: list[list[int]], size: int) -> Iterator[tuple[list[int], Tensor]]:
    """Rows of similar length together: their positions, and their ids padded with 0, int64 (B, T)."""
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        ids = torch.zeros(len(chosen), len(rows[chosen[-1]]), dtype=torch.int64)
        for line, row in enumerate(chosen):
            ids[line, : len(rows[row])] = torch.as_tensor(rows[row])
        yield chosen, ids
