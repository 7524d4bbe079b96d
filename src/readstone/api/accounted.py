"""Routes whose requests are entered in the ledger."""

from starlette.types import ASGIApp, Receive, Scope, Send

from readstone.api.exchange import Exchange
from readstone.serving.account import Account
from readstone.serving.ledger import Ledger


class Accounted:
    """Runs a route with an account, which the route finds at `exchange.account` and settles before its last byte.

    Requests that end otherwise are entered here. Raises StoreUnavailable where answers could not be entered.
    """

    def __init__(self, route: ASGIApp, ledger: Ledger) -> None:
        self._route = route
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange: Exchange = scope["exchange"]
        account = Account(
            self._ledger, exchange.id, exchange.caller.key_id, scope["path"], exchange.arrived
        )
        with account:
            exchange.account = account
            await self._route(scope, receive, send)
