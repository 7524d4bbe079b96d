"""`readstone keys`: make, list, show, change, rotate and revoke keys, beside servers that run or without any."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from readstone.api.admin.schema import key_body, new_key_body
from readstone.cli.key_options import add_grant_options, grace, granted, key_name, scopes_told
from readstone.cli.key_table import print_json, print_key, print_keys, print_keys_json
from readstone.cli.setting import configure
from readstone.config import Config
from readstone.core.grant import CLIENT
from readstone.core.key import Key, mint, public_id_of, rotate
from readstone.options import add_engine_options
from readstone.store import Store
from readstone.store.opening import open_store

Action: TypeAlias = Callable[[argparse.Namespace, Config, Store], Awaitable[int]]

EPILOG: Final = """\
examples:
  KEY=$(readstone keys create invoices --owner ada@example.com --expires 90d)
      stdout holds the key and nothing else; it is shown this once, only its hash is kept
  readstone keys create dashboards --scope usage --scope models
      it sees what it used and asks no model
  readstone keys create ops --scope admin:keys --scope chat
      it makes keys through the API (/v1/admin/keys) that can do no more than itself
  readstone keys create scans --model readstone-ocr --model 'Qwen/*' --rpm 600 --budget 250
  readstone keys list --owner ada --state active
  readstone keys edit ID --expires never --rpm default
  NEW=$(readstone keys rotate ID --grace 24h)
      a new secret for the same key: its limits and its usage go on, the old secret for a day more
  readstone keys revoke ID

Keys are named by their public id, as 'list' shows it, or by anything that begins with rs-ID. What is changed here holds for
the next request at every server of the same data directory; with Postgres within milliseconds.
"""
_SCOPES: Final = f"scopes:\n{scopes_told()}\n"


def add_options(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Let the parser take what `keys` takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, summary: str, epilog: str = "") -> argparse.ArgumentParser:
        return actions.add_parser(
            name,
            parents=[shared],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    create = action("create", "make a key and print it", _SCOPES)
    create.add_argument("name", type=key_name, metavar="NAME", help="what it is for")
    add_grant_options(create)
    add_engine_options(create)
    listing = action("list", "show every key, never its secret")
    listing.add_argument("--owner", metavar="TEXT", help="those whose owner contains this")
    listing.add_argument("--name", metavar="TEXT", help="those whose name contains this")
    listing.add_argument(
        "--state", choices=("active", "expired", "revoked"), help="those in this state only"
    )
    show = action("show", "show one key")
    edit = action("edit", "change a key; what is not given stays", _SCOPES)
    edit.add_argument("--name", type=key_name, metavar="NAME", help="what it is for")
    add_grant_options(edit)
    add_engine_options(edit)
    renew = action("rotate", "give a key a new secret and print the key")
    renew.add_argument(
        "--grace",
        type=grace,
        default=0,
        metavar="TIME",
        help="let the old secret go on so long: 24h (default: not)",
    )
    revoke = action("revoke", "refuse keys from now on, for good")
    for named in (show, edit, renew):
        named.add_argument("id", metavar="ID", help="the key's public id, as 'keys list' shows it")
    revoke.add_argument("id", metavar="ID", nargs="+", help="public ids, as 'keys list' shows them")
    for told in (create, listing, show, edit, renew):
        told.add_argument(
            "--json", action="store_true", help="print JSON, as the admin API tells it"
        )


def run(options: argparse.Namespace) -> int:
    """Do what is asked for; 1 where there is no such key."""
    return asyncio.run(_run(options, configure(options)))


async def _run(options: argparse.Namespace, config: Config) -> int:
    actions: dict[str, Action] = {
        "create": _create,
        "list": _list,
        "show": _show,
        "edit": _edit,
        "rotate": _rotate,
        "revoke": _revoke,
    }
    store = await open_store(config)
    try:
        return await actions[options.action](options, config, store)
    finally:
        await store.close()


async def _create(options: argparse.Namespace, config: Config, store: Store) -> int:
    grant = granted(options, CLIENT)
    await _check_models(grant.models, config)
    key, written = mint(options.name, int(time.time()), grant, owner=options.owner or "")
    await store.add_key(key)
    _tell_new(options, key, written)
    return 0


async def _list(options: argparse.Namespace, config: Config, store: Store) -> int:
    del config
    now = time.time()
    keys = [
        key
        for key in await store.list_keys()
        if (options.owner or "").casefold() in key.owner.casefold()
        and (options.name or "").casefold() in key.name.casefold()
        and options.state in {None, key.state(now)}
    ]
    (print_keys_json if options.json else print_keys)(keys, now)
    return 0


async def _show(options: argparse.Namespace, config: Config, store: Store) -> int:
    del config
    key = await _found(options.id, store)
    if key is None:
        return 1
    _tell(options, key)
    return 0


async def _edit(options: argparse.Namespace, config: Config, store: Store) -> int:
    key = await _found(options.id, store)
    if key is None:
        return 1
    grant = granted(options, key.grant)
    if grant.models != key.grant.models:
        await _check_models(grant.models, config)
    changed = replace(
        key,
        name=key.name if options.name is None else options.name,
        owner=key.owner if options.owner is None else options.owner,
        grant=grant,
    )
    if not await store.change_key(changed):
        return _missed(key.public_id, "change")
    _tell(options, changed)
    return 0


async def _rotate(options: argparse.Namespace, config: Config, store: Store) -> int:
    del config
    key = await _found(options.id, store)
    if key is None:
        return 1
    now = int(time.time())
    rotated, written = rotate(key, now + options.grace if options.grace else 0)
    if not await store.rotate_key(rotated):
        return _missed(key.public_id, "rotate")
    _tell_new(options, rotated, written)
    return 0


async def _revoke(options: argparse.Namespace, config: Config, store: Store) -> int:
    del config
    status = 0
    for named in options.id:
        public_id = public_id_of(named)
        if await store.revoke_key(public_id, int(time.time())):
            print(f"Revoked {public_id}; running servers refuse it from now on.")
        else:
            status = _missed(public_id, "revoke")
    return status


async def _check_models(names: Sequence[str], config: Config) -> None:
    """ModelNotFound for a name that no model has and that is no pattern."""
    plain = [name for name in names if "*" not in name]
    if plain:
        from readstone.cli.models import catalogue

        known = await catalogue(config)
        for name in plain:
            known.find(name)


async def _found(named: str, store: Store) -> Key | None:
    public_id = public_id_of(named)
    key = await store.find_key(public_id)
    if key is None:
        _missed(public_id, "show")
    return key


def _missed(public_id: str, what: str) -> int:
    print(
        f"readstone: there is no key {public_id} to {what}; 'readstone keys list' shows them.",
        file=sys.stderr,
    )
    return 1


def _tell(options: argparse.Namespace, key: Key) -> None:
    now = time.time()
    if options.json:
        print_json(key_body(key, now))
    else:
        print_key(key, now)


def _tell_new(options: argparse.Namespace, key: Key, written: str) -> None:
    if options.json:
        print_json(new_key_body(key, written, time.time()))
    else:
        print(written)
