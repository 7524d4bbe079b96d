"""Makes language models of real architectures with random weights: python tests/models/tiny.py FOLDER.

What they say means nothing, but it is the same on every machine: the weights come from a seed, the words from the
tokenizer of `seer`. An engine treats them as it treats their large relatives.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gguf
import numpy as np
from numpy.typing import NDArray

SEER = Path(__file__).parent / "seer"
TEMPLATE = Path(__file__).parent / "tools.jinja"

Weights: TypeAlias = NDArray[np.float32]
Draw: TypeAlias = Callable[..., Weights]
Tensors: TypeAlias = Iterator[tuple[str, Weights]]

LAYERS = 2
WIDTH = 128
HEADS = 4
KEY_HEADS = 2
HEAD_WIDTH = 32
INNER = 128
EXPERTS = 4
CONTEXT = 65536
_SPREAD = 0.2
"""Of the weights: wide enough that the best token leads by much more than rounding."""
_NORMAL, _CONTROL, _WORD = 1, 3, 4
"""Kinds of tokens in a GGUF."""
MARKS = ("<tool_call>\n", "</tool_call>", "<think>", "</think>")
"""Words that are one token each, so that a `logit_bias` can ask for them; their ids follow those of seer's words."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How llama.cpp calls it, and the tensors of one layer and of the whole model beside the usual ones."""

    name: str
    layer: Callable[[Draw], Tensors]
    head: bool = False


def _qwen2(draw: Draw) -> Tensors:
    yield from _attention(draw)
    for name, width in (("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)):
        yield f"attn_{name}.bias", draw(width * HEAD_WIDTH)
    yield from _dense(draw)


def _qwen3(draw: Draw) -> Tensors:
    yield from _attention(draw)
    yield "attn_q_norm.weight", _ones(HEAD_WIDTH)
    yield "attn_k_norm.weight", _ones(HEAD_WIDTH)
    yield from _dense(draw)


def _llama(draw: Draw) -> Tensors:
    yield from _attention(draw)
    yield from _dense(draw)


def _gpt_oss(draw: Draw) -> Tensors:
    yield from _attention(draw)
    for name, width in (("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)):
        yield f"attn_{name}.bias", draw(width * HEAD_WIDTH)
    yield "attn_output.bias", draw(WIDTH)
    yield "attn_sinks.weight", draw(HEADS)
    yield "post_attention_norm.weight", _ones(WIDTH)
    yield "ffn_gate_inp.weight", draw(EXPERTS, WIDTH)
    yield "ffn_gate_inp.bias", draw(EXPERTS)
    for name, wide, narrow in (
        ("gate", INNER, WIDTH),
        ("up", INNER, WIDTH),
        ("down", WIDTH, INNER),
    ):
        yield f"ffn_{name}_exps.weight", draw(EXPERTS, wide, narrow)
        yield f"ffn_{name}_exps.bias", draw(EXPERTS, wide)


ARCHITECTURES = {
    "qwen2": Architecture("qwen2", _qwen2),
    "qwen3": Architecture("qwen3", _qwen3),
    "llama": Architecture("llama", _llama),
    "gpt_oss": Architecture("gpt-oss", _gpt_oss, head=True),
}


def write_tiny(name: str, path: Path, seed: int = 0) -> Path:
    """Write a model of an architecture (a key of ARCHITECTURES) as a GGUF of about 1 MB; the path."""
    architecture = ARCHITECTURES[name]
    writer = gguf.GGUFWriter(path, architecture.name)
    _write_shape(writer, architecture)
    tokens = _write_words(writer)
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Weights:
        return (random.standard_normal(shape) * _SPREAD).astype(np.float32)

    writer.add_tensor("token_embd.weight", draw(tokens, WIDTH))
    writer.add_tensor("output_norm.weight", _ones(WIDTH))
    if architecture.head:
        writer.add_tensor("output.weight", draw(tokens, WIDTH))
    for layer in range(LAYERS):
        for tensor, weights in architecture.layer(draw):
            writer.add_tensor(f"blk.{layer}.{tensor}", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _attention(draw: Draw) -> Tensors:
    yield "attn_norm.weight", _ones(WIDTH)
    yield "attn_q.weight", draw(HEADS * HEAD_WIDTH, WIDTH)
    yield "attn_k.weight", draw(KEY_HEADS * HEAD_WIDTH, WIDTH)
    yield "attn_v.weight", draw(KEY_HEADS * HEAD_WIDTH, WIDTH)
    yield "attn_output.weight", draw(WIDTH, HEADS * HEAD_WIDTH)


def _dense(draw: Draw) -> Tensors:
    yield "ffn_norm.weight", _ones(WIDTH)
    yield "ffn_gate.weight", draw(INNER, WIDTH)
    yield "ffn_up.weight", draw(INNER, WIDTH)
    yield "ffn_down.weight", draw(WIDTH, INNER)


def _ones(width: int) -> Weights:
    return np.ones(width, np.float32)


def _write_shape(writer: gguf.GGUFWriter, architecture: Architecture) -> None:
    writer.add_name(f"tiny {architecture.name}")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_key_length(HEAD_WIDTH)
    writer.add_value_length(HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    if architecture.head:
        writer.add_expert_count(EXPERTS)
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(INNER)
        writer.add_sliding_window(128)


def _write_words(writer: gguf.GGUFWriter) -> int:
    """The tokenizer of seer, and a chat template with tools and reasoning; how many tokens there are."""
    tokenizer: dict[str, Any] = json.loads((SEER / "tokenizer.json").read_text(encoding="utf-8"))
    ids: dict[str, int] = dict(tokenizer["model"]["vocab"])
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    known = sorted({**ids, **added}.items(), key=lambda word: word[1])
    words = [*(word for word, _ in known), *MARKS]
    kinds = [_CONTROL if word in added else _WORD if word in MARKS else _NORMAL for word in words]
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_add_bos_token(value=False)
    writer.add_bos_token_id(added["<|endoftext|>"])
    writer.add_eos_token_id(added["<|im_end|>"])
    writer.add_chat_template(TEMPLATE.read_text(encoding="utf-8"))
    return len(words)


if __name__ == "__main__":
    for each in ARCHITECTURES:
        print(write_tiny(each, Path(sys.argv[1]) / f"tiny-{each}.gguf"))  # noqa: T201  (it tells what it made)
