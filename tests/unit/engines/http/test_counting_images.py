import msgspec

from readstone.core.chat import ChatRequest, Image, ImagePart, Message
from readstone.core.model import KIND_DEFAULTS, Model
from readstone.engines.http.chunk import Count
from readstone.engines.http.counting import count_usage

PICTURE = ImagePart(Image(b"", "png", 100, 100, "messages.0"))


def request(upstream: str) -> ChatRequest:
    model = Model("m", "vision", "e", KIND_DEFAULTS["vision"], max_images=4, upstream=upstream)
    messages = (Message("user", (PICTURE, PICTURE)),)
    return ChatRequest("r", "k", model, "m", messages, 10, 0.0, 1.0, 0.0)


def count(details: str) -> Count:
    text = f'{{"prompt_tokens":50,"completion_tokens":5,"prompt_tokens_details":{details}}}'
    return msgspec.json.decode(text, type=Count)


def test_what_an_engine_tells_of_its_images_is_told() -> None:
    usage, notes = count_usage(count('{"image_tokens":40}'), 5, request("Qwen2.5-VL"))

    assert (usage.image_tokens, usage.image_tokens_estimated, notes) == (40, False, ())


def test_vllm_tells_by_modality() -> None:
    usage, _ = count_usage(count('{"multimodal_tokens":{"image":41}}'), 5, request("Qwen2.5-VL"))

    assert (usage.image_tokens, usage.image_tokens_estimated) == (41, False)


def test_where_it_does_not_tell_the_models_family_does() -> None:
    usage, _ = count_usage(count('{"cached_tokens":3}'), 5, request("Qwen2.5-VL"))

    assert (usage.image_tokens, usage.image_tokens_estimated) == (2 * 16, True)


def test_where_neither_does_nothing_is_made_up() -> None:
    usage, _ = count_usage(count("null"), 5, request("unknown"))

    assert (usage.image_tokens, usage.image_tokens_estimated) == (0, False)
