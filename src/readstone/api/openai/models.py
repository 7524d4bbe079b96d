"""`GET /v1/models` and `GET /v1/models/{id}`: the catalogue on the wire."""

from dataclasses import asdict

from msgspec import UNSET
from starlette.requests import Request
from starlette.routing import Route

from readstone.api.openai import schema
from readstone.api.reply import Reply
from readstone.core.key import Principal
from readstone.core.model import Model
from readstone.serving.catalogue import Catalogue
from readstone.serving.gateway import Gateway


class Models:
    """Lists what may be named as `model`, aliases included. `created` is the start of the server."""

    def __init__(self, catalogue: Catalogue, gateway: Gateway, created: int) -> None:
        self._catalogue = catalogue
        self._gateway = gateway
        self._created = created

    def routes(self) -> list[Route]:
        """The routes; a model's id may hold slashes."""
        return [
            Route("/v1/models", self.list, methods=["GET"]),
            Route("/v1/models/{name:path}", self.get, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Reply:
        """Every model and alias that the key may use."""
        caller: Principal = request.scope["exchange"].caller
        data = [
            self._body(name, model)
            for name, model in self._catalogue.names()
            if caller.may_use(model)
        ]
        return Reply(schema.ModelList("list", data))

    async def get(self, request: Request) -> Reply:
        """One model, by id or alias."""
        caller: Principal = request.scope["exchange"].caller
        name: str = request.path_params["name"]
        model = self._catalogue.find(name)
        caller.require(model)
        return Reply(self._body(name, model))

    def _body(self, name: str, model: Model) -> schema.ModelBody:
        return schema.ModelBody(
            id=name,
            object="model",
            created=self._created,
            owned_by="readstone",
            kind=model.kind,
            engine=model.engine,
            engine_state=self._gateway.engine(model.engine).state,
            max_images=model.max_images,
            defaults=schema.DefaultsBody(**asdict(model.defaults)),
            context_length=UNSET if model.context_length is None else model.context_length,
            alias_of=UNSET if name == model.id else model.id,
        )
