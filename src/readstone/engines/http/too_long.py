"""What engines say of a request that is too long for the model, each in its words."""

import re
from typing import Final

from readstone.core.errors import ContextTooLong
from readstone.engines.http.complaint import Complaint

_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_SAID: Final = re.compile(
    # vLLM, SGLang, OpenAI and those who speak like it, Mistral, Ollama
    r"max(?:imum)? context length"
    # SGLang, vLLM
    r"|longer than the (?:model's )?(?:maximum )?(?:context|model) length"
    # llama.cpp; Gemini; SGLang
    r"|exceeds? the (?:available )?(?:context|maximum (?:context|model|number of tokens|allowed length))"
    # vLLM where the answer alone is too long
    r"|(?:exceeds? .{0,40}|cannot be greater than )max_model_len"
    # vLLM, LM Studio
    r"|context length (?:is|of) only"
    # Anthropic, Ollama; Bedrock
    r"|(?:prompt|input) (?:is )?too long"
    # TGI
    r"|`inputs`.{0,40} must (?:be <=|have less than) \d",
    re.IGNORECASE,
)
_LIMIT: Final = (
    re.compile(
        r"(?:(?:context|model) (?:length|size) (?:is |of )?(?:only )?\(?|max_model_len=)(\d+)",
        re.IGNORECASE,
    ),
    # Mistral; Anthropic
    re.compile(r"(?:with|>) (\d+) maximum", re.IGNORECASE),
    # Gemini; SGLang
    re.compile(r"(?:tokens allowed|allowed length) \((\d+)", re.IGNORECASE),
    # TGI
    re.compile(r"must (?:be <=|have less than) (\d+)"),
)
_PROMPT: Final = (
    # vLLM: (31 in the messages, 4096 in the completion); SGLang: 3000 tokens from the input; OpenRouter
    re.compile(
        r"(\d+) (?:in the|tokens from the|of text) (?:messages|prompt|input)", re.IGNORECASE
    ),
    # newer vLLM: your request has 2048 input tokens
    re.compile(r"(\d+) (?:input|prompt) tokens", re.IGNORECASE),
    # SGLang, llama.cpp, OpenAI and Anthropic: the input (5000 …, messages resulted in 1500 …, prompt is too long: 9 …
    re.compile(
        r"(?:input|request|prompt|messages)(?: length| token count)? "
        r"(?:\((?:length )?|is |has |resulted in |contains |is too long: )(\d+)",
        re.IGNORECASE,
    ),
    # TGI; LM Studio
    re.compile(r"(?:Given: |keep the first )(\d+)"),
)


def read_too_long(complaint: Complaint, model: str) -> ContextTooLong | None:
    """The error that says so, with the numbers that the engine told; None where it said something else."""
    if complaint.code not in _CODES and not _SAID.search(complaint.message):
        return None
    context = complaint.context or _number(complaint.message, *_LIMIT)
    prompt = complaint.prompt or _number(complaint.message, *_PROMPT)
    size = f" takes {context} tokens" if context else " takes fewer tokens"
    asked = f"the request has {prompt}" if prompt else "the request has more"
    return ContextTooLong(
        f"'{model}'{size}, prompt and answer together; {asked}. Send less, or ask for fewer with "
        "'max_tokens'.",
        param="messages",
        context=context,
        prompt=prompt,
    )


def _number(message: str, *patterns: re.Pattern[str]) -> int | None:
    found = next(filter(None, (pattern.search(message) for pattern in patterns)), None)
    return int(found[1][:12]) if found else None
