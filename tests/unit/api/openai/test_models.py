import pytest
from starlette.routing import Router

from readstone.api.http import Door
from readstone.api.openai.models import Models
from readstone.core.grant import Grant
from readstone.core.key import mint
from readstone.engines.fake import FakeEngine
from readstone.serving.admission import Admission
from readstone.serving.gateway import Backend, Gateway
from readstone.serving.keys import Authenticator
from readstone.store.memory import MemoryStore
from unit.api.asgi import Call, ask
from unit.api.openai.chat import CATALOGUE, MODELS

KEY, WRITTEN = mint("tester", 0)
ONE, WRITTEN_ONE = mint("one", 0, Grant(models=("Some/OCR-1B",)))


@pytest.fixture
async def door() -> Door:
    store = MemoryStore()
    await store.add_key(KEY)
    await store.add_key(ONE)
    gateway = Gateway({"fake": Backend(FakeEngine(), Admission(1, 0))})
    routes = Models(CATALOGUE, gateway, created=1_700_000_000).routes()
    return Door(Router(routes, redirect_slashes=False), Authenticator(store))


async def get(door: Door, path: str, written: str = WRITTEN) -> Call:
    return await ask(door, path, headers={"authorization": f"Bearer {written}"})


async def test_the_list_holds_every_model_and_alias(door: Door) -> None:
    content = (await get(door, "/v1/models")).json
    assert content["object"] == "list"
    names = [name for model in MODELS for name in (model.id, *model.aliases)]
    assert [entry["id"] for entry in content["data"]] == names


async def test_an_entry_has_all_its_members(door: Door) -> None:
    assert (await get(door, "/v1/models/ocr-model")).json == {
        "id": "ocr-model",
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "readstone",
        "kind": "ocr",
        "engine": "fake",
        "engine_state": "starting",
        "max_images": 3,
        "defaults": {"max_tokens": 8192, "temperature": 0.1, "top_p": 1.0, "stream": False},
    }


async def test_an_id_may_hold_slashes_and_an_alias_names_its_model(door: Door) -> None:
    content = (await get(door, "/v1/models/Some/OCR-1B")).json
    assert (content["id"], content["alias_of"]) == ("Some/OCR-1B", "ocr-model")


async def test_every_entry_of_the_list_can_be_asked_for(door: Door) -> None:
    for entry in (await get(door, "/v1/models")).json["data"]:
        assert (await get(door, f"/v1/models/{entry['id']}")).json == entry


@pytest.mark.parametrize("name", ["none", "", "Some/", "ocr-model/", "SOME/OCR-1B"])
async def test_an_unknown_id_is_not_found(door: Door, name: str) -> None:
    call = await get(door, f"/v1/models/{name}")
    assert call.status == 404
    assert (call.error["type"], call.error["code"]) == ("not_found_error", "model_not_found")
    assert call.error["param"] == "model"


async def test_a_key_for_one_model_sees_that_model_only(door: Door) -> None:
    content = (await get(door, "/v1/models", WRITTEN_ONE)).json
    assert [entry["id"] for entry in content["data"]] == ["ocr-model", "Some/OCR-1B"]
    call = await get(door, "/v1/models/chat-model", WRITTEN_ONE)
    assert (call.status, call.error["type"]) == (403, "permission_error")
