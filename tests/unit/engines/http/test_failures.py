import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readstone.core.errors import (
    ContextTooLong,
    EngineFailed,
    EngineTimeout,
    EngineUnavailable,
    InvalidImage,
    InvalidRequest,
    Overloaded,
    RequestError,
    TooLarge,
    UnsupportedParameter,
)
from readstone.engines.http.complaint import read_complaint
from readstone.engines.http.failures import read_retry_after, translate

VLLM = (
    "This model's maximum context length is 1024 tokens. However, you requested 4127 tokens "
    "(31 in the messages, 4096 in the completion). Please reduce the length of the messages."
)
VLLM_NEW = "This model's maximum context length is 1024 tokens. However, your request has 2048 input tokens."
VLLM_ANSWER = (
    "max_tokens=16384 cannot be greater than max_model_len=2048. Please request fewer output tokens. "
    "(parameter=max_tokens, value=16384)"
)
SGLANG = "The input (5000 tokens) is longer than the model's context length (4096 tokens)."
SGLANG_BOTH = (
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 "
    "tokens: 3000 tokens from the input messages and 2000 tokens for the completion."
)
VLLM_BOTH = (
    "You passed 97 input tokens and requested 16384 output tokens. However, the model's context length is only 4096 "
    "tokens, resulting in a maximum input length of 0 tokens."
)
VLLM_DECODER = "The decoder prompt (length 5000) is longer than the maximum model length of 4096."
TGI = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens"
TGI_PROMPT = "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"
MISTRAL = "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"
GEMINI = "The input token count (70000) exceeds the maximum number of tokens allowed (65536)."
LM_STUDIO = (
    "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length "
    "of only 4096 tokens"
)
LLAMA = {
    "code": 400,
    "message": "request (1500 tokens) exceeds the available context size (1024 tokens), try increasing it",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 1500,
    "n_ctx": 1024,
}


def refusal(status: int, error: object, retry_after: float | None = None) -> RequestError:
    body = error if isinstance(error, bytes) else json.dumps({"error": error}).encode()
    return translate(read_complaint(status, body), "model", retry_after)


@pytest.mark.parametrize(
    ("error", "context", "prompt"),
    [
        ({"message": VLLM, "code": 400}, 1024, 31),
        ({"message": VLLM_NEW, "code": 400}, 1024, 2048),
        ({"message": VLLM_ANSWER, "code": 400}, 2048, None),
        ({"message": SGLANG}, 4096, 5000),
        ({"message": SGLANG_BOTH}, 4096, 3000),
        ({"message": VLLM_BOTH}, 4096, 97),
        ({"message": VLLM_DECODER}, 4096, 5000),
        (TGI, 4096, 3000),
        (TGI_PROMPT, 1024, 2000),
        ({"message": MISTRAL, "code": "3051"}, 32768, 40000),
        ({"message": GEMINI}, 65536, 70000),
        (LM_STUDIO, 4096, 5000),
        ({"message": "prompt is too long: 2123 tokens > 2000 maximum"}, 2000, 2123),
        (
            {
                "message": "Input length (5000 tokens) exceeds the maximum allowed length (4096 tokens)."
            },
            4096,
            5000,
        ),
        ("prompt too long; exceeded max context length by 12 tokens", None, None),
        ({"message": "Input is too long for requested model."}, None, None),
        (LLAMA, 1024, 1500),
        ({"message": "Too long.", "code": "context_length_exceeded"}, None, None),
    ],
)
def test_every_engine_s_way_of_saying_too_long_is_one_error(
    error: object, context: int | None, prompt: int | None
) -> None:
    found = refusal(400, error)
    assert isinstance(found, ContextTooLong)
    assert (found.code, found.param) == ("context_length_exceeded", "messages")
    assert (found.context, found.prompt) == (context, prompt)
    assert context is None or str(context) in found.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, EngineUnavailable),
        (403, EngineUnavailable),
        (404, EngineUnavailable),
        (408, EngineTimeout),
        (413, TooLarge),
        (429, Overloaded),
        (500, EngineFailed),
        (502, EngineUnavailable),
        (503, EngineUnavailable),
        (504, EngineTimeout),
        (522, EngineUnavailable),
        (524, EngineTimeout),
        (529, Overloaded),
        (418, EngineFailed),
        (302, EngineFailed),
    ],
)
def test_every_status_means_something(status: int, kind: type[RequestError]) -> None:
    assert type(refusal(status, {"message": "m"})) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429}, Overloaded),
        ({"code": "429", "type": "None", "param": "None"}, Overloaded),
        ({"type": "rate_limit_error", "code": None}, Overloaded),
        ({"type": "overloaded_error"}, Overloaded),
        ({"type": "invalid_request_error"}, InvalidRequest),
        ({"code": 400}, InvalidRequest),
        ({"code": 503}, EngineUnavailable),
        ({"type": "timeout_error"}, EngineTimeout),
        ({"code": "3051"}, EngineFailed),
        ({"code": 0}, EngineFailed),
        ({"type": "server_error"}, EngineFailed),
        ("text", EngineFailed),
    ],
)
def test_an_error_inside_a_stream_is_what_it_would_have_been_before(
    error: object, kind: type[RequestError]
) -> None:
    assert type(refusal(0, error)) is kind


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("tools param requires --jinja flag", "tools"),
        ("image input is not supported - hint: you may need to provide the mmproj", "messages"),
    ],
)
def test_what_an_engine_cannot_do_is_no_failure_of_it(message: str, param: str) -> None:
    found = refusal(500, {"message": message, "code": 500})
    assert isinstance(found, UnsupportedParameter)
    assert found.param == param


@pytest.mark.parametrize(
    ("path", "param"),
    [
        (["body", "seed"], "seed"),
        (["body", "messages", 0, "content"], "messages[0].content"),
        (["body", "/etc/passwd"], None),
        ([], None),
    ],
)
def test_a_validators_place_is_named(path: list[object], param: str | None) -> None:
    detail = [{"loc": path, "msg": "Input should be a valid integer", "type": "int_parsing"}]
    body = json.dumps({"detail": detail}).encode()
    found = translate(read_complaint(422, body), "model", None)
    assert isinstance(found, InvalidRequest)
    assert found.param == param


def test_an_account_without_credit_is_no_busy_server() -> None:
    for status, error in ((402, "x"), (429, {"message": "m", "code": "insufficient_quota"})):
        assert type(refusal(status, error)) is EngineUnavailable


def test_the_time_to_wait_is_the_engine_s_but_bounded() -> None:
    for told, waited in ((None, 1.0), (7.0, 7.0), (9000.0, 60.0)):
        error = refusal(503, {}, told)
        assert isinstance(error, EngineUnavailable)
        assert error.retry_after == waited


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
            "tools",
        ),
        ("At most 1 image(s) may be provided in one prompt.", "messages"),
        ("model is not a multimodal model", "messages"),
        ("image input is not supported - hint: you may need to provide the mmproj", "messages"),
        ("failed to parse grammar", "response_format"),
        ("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs"),
        ("Requested sample logprobs of 21, which is greater than max allowed: 20", "top_logprobs"),
        ("top_logprobs requires logprobs to be set to true", "top_logprobs"),
        ("registry.ollama.ai/library/m does not support tools", "tools"),
        ("registry.ollama.ai/library/m does not support thinking", "reasoning_effort"),
        ("n must be 1 when using greedy sampling, got 2.", "n"),
    ],
)
def test_known_refusals_name_the_property_in_our_words(message: str, param: str) -> None:
    found = refusal(400, {"message": message})
    assert isinstance(found, UnsupportedParameter)
    assert found.param == param
    assert message not in found.message


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ((), "response_format"),
        (("seed", "grammar"), "grammar"),
        (("structured_outputs",), "structured_outputs"),
        (("tools", "response_format"), "response_format"),
        (("tools",), "tools"),
    ],
)
def test_a_shape_that_cannot_be_followed_is_called_as_the_client_called_it(
    sent: Sequence[str], param: str
) -> None:
    body = json.dumps({"error": {"message": "failed to parse grammar"}}).encode()
    found = translate(read_complaint(400, body), "model", None, sent)
    assert isinstance(found, UnsupportedParameter)
    assert found.param == param
    assert f"'{param}'" in found.message


@pytest.mark.parametrize(
    ("status", "message", "param"),
    [
        (400, "Field 'n': Value must be between 1 <= value <= 2, but got 5", "n"),
        (400, "Field '/etc/passwd': no", None),
        (500, "Failed to parse tools: Missing tool type: {}; tools = [ {} ]", "tools"),
        (500, "Failed to parse messages: Expected 'content'", "messages"),
    ],
)
def test_what_llama_cpp_finds_wrong_is_the_client_s_whatever_status_it_has(
    status: int, message: str, param: str | None
) -> None:
    found = refusal(status, {"message": message})
    assert isinstance(found, InvalidRequest)
    assert (found.code, found.param) == ("refused_by_engine", param)
    assert message not in found.message


def test_an_image_that_the_engine_cannot_read_is_the_clients() -> None:
    found = refusal(400, {"message": "Failed to load image or audio file"})
    assert isinstance(found, InvalidImage)
    assert found.param == "messages"


def test_a_server_that_is_full_is_not_down() -> None:
    assert isinstance(refusal(503, {"message": "Request queue is full"}), Overloaded)
    assert isinstance(refusal(503, {"message": "Loading model"}), EngineUnavailable)


SECRET = "/srv/models/secret on 10.0.0.7: KeyError('x')"


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": SECRET, "param": SECRET, "code": SECRET, "type": SECRET}},
        {"error": SECRET},
        {"object": "error", "message": SECRET, "code": 400},
        {"detail": [{"loc": ["body", "x"], "msg": SECRET, "input": SECRET}]},
        {"error": {"message": VLLM + SECRET}},
    ],
)
def test_no_word_of_an_engine_reaches_the_client(status: int, body: object) -> None:
    found = refusal(status, json.dumps(body).encode())
    assert "secret" not in f"{found.message}{found.param}{found.code}"
    assert "10.0.0.7" not in found.message


@pytest.mark.parametrize("named", ["logit_bias", "body.logit_bias"])
def test_a_property_that_the_engine_names_is_named(named: str) -> None:
    found = refusal(400, {"message": "bad", "param": named})
    assert isinstance(found, InvalidRequest)
    assert found.param == "logit_bias"
    assert "'logit_bias'" in found.message


def test_what_is_logged_holds_no_long_quotation() -> None:
    complaint = read_complaint(400, b'{"error":"no \'a patient with a very long history\' here"}')
    assert complaint.logged == "no '…' here"


@given(st.integers(100, 599), st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_answer_is_an_error_of_the_tree(status: int, body: bytes) -> None:
    assert isinstance(translate(read_complaint(status, body), "m", None), RequestError)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "param", "detail", "n_ctx"]), inner
        ),
        max_leaves=8,
    )
)
def test_any_json_is_an_error_of_the_tree(body: object) -> None:
    assert isinstance(refusal(400, json.dumps(body).encode()), RequestError)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 5.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert read_retry_after(value, lambda: 1_792_567_675.0) == seconds
