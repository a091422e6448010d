"""Systems that sell, one like the other, as specs and as a world to work in: what the benchmarks hand to the engine."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from talk_assets.hub import open_hub
from talk_assets.specs import yaml12
from talk_assets.specs.catalog import Catalog
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.read import build
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.connection import Connection

_SYSTEM = """
system: {name}
title: {name}
schedule: "*/10 * * * *"
full_sweep: "30 2 * * *"
clients:
  main:
    base_url: https://{name}.example.com
    base_url_env: {variable}
    auth: {{type: bearer, token: {{env: SHOP_TOKEN}}}}
    paginator: {{type: page_number, page_param: page, size_param: size, size: 1000, total_header: X-Total, parallel: true}}
    limits: {{requests: 100000, per_seconds: 1, concurrency: {concurrency}}}
entities:
  customers:
    title: Customers
    subject: customer
    list: {{path: customers, cursor: {{property: modifiedAt, param: since, comparison: ">="}}}}
    get: {{path: "customers/{{id}}"}}
    create: {{path: customers}}
    update: {{path: "customers/{{id}}", style: merge_patch}}
    concurrency: {{type: version, property: version}}
    idempotency: {{type: reference, property: reference, max_length: 64, param: reference}}
    modified: modifiedAt
    properties:
      id: {{type: integer, nullable: false, unique: true, access: read_only}}
      number: {{type: integer, unique: true}}
      name: {{type: string, nullable: false, required: true}}
      organisationNumber: {{type: string, format: organisation_number}}
      email: {{type: string, format: email}}
      invoiceEmail: {{type: string, format: email}}
      phone: {{type: string, format: phone}}
      website: {{type: string, format: url}}
      address.line1: {{type: string}}
      address.line2: {{type: string}}
      address.postalCode: {{type: string}}
      address.city: {{type: string}}
      address.countryCode: {{type: string}}
      currency: {{type: string}}
      creditLimit: {{type: decimal}}
      paymentDays: {{type: integer}}
      contact: {{type: string}}
      notes: {{type: string}}
      active: {{type: boolean, nullable: false, default: true}}
      reference: {{type: string, max_length: 64}}
      version: {{type: integer, nullable: false, access: read_only}}
      modifiedAt: {{type: datetime, nullable: false, access: read_only}}
"""
_MAPPED = (
    *("number", "name", "organisationNumber", "email", "invoiceEmail", "phone", "website"),
    *(f"address.{name}" for name in ("line1", "line2", "postalCode", "city", "countryCode")),
    *("currency", "creditLimit", "paymentDays", "contact", "notes", "active"),
)


def shops(names: Sequence[str], *, concurrency: int = 32) -> tuple[Model, dict[str, SystemSpec]]:
    """Systems in a circle: each one's customers are mapped to the next one's, and the last one's to the first one's."""
    rows = "".join(f"      - {{source: {path}, target: {path}, added: true}}\n" for path in _MAPPED)
    flows = [
        f"source: {one}\ntarget: {other}\nmappings:\n  - source: customers\n    target: customers\n    create: always\n"
        f"    match: [{{source: organisationNumber, target: organisationNumber, added: true}}]\n    properties:\n{rows}"
        for one, other in zip(names, [*names[1:], *(names[:1] if len(names) > 2 else ())], strict=False)
    ]
    texts = [_SYSTEM.format(name=name, variable=f"{name.upper()}_URL", concurrency=concurrency) for name in names]
    loaded = [build(yaml12.parse(text, Path(f"{number}.yaml")), SystemSpec) for number, text in enumerate(texts)]
    mapped = tuple(build(yaml12.parse(text, Path(f"flow{number}.yaml")), DataflowSpec) for number, text in enumerate(flows))
    resolved = resolve(Catalog({one.spec.system: one for one in loaded}, mapped, ()))
    if resolved.problems:
        raise SystemExit("\n".join(map(str, resolved.problems)))
    return compile_model(resolved), {one.spec.system: one.spec for one in loaded}


@contextmanager
def opened(names: Sequence[str], hub: Path, url: str, *, concurrency: int = 32) -> Iterator[World]:
    """A world of these systems, all of them at one address, as a production run puts it together."""
    model, specs = shops(names, concurrency=concurrency)
    environ = {"SHOP_TOKEN": "not a secret", **{f"{name.upper()}_URL": f"{url}/{name}" for name in names}}
    clock = SystemClock()
    with ExitStack() as stack:
        connections = {
            name: stack.enter_context(
                Connection(spec, environ, clock=clock, chance=random.SystemRandom(), state=hub.parent / "state")
            )
            for name, spec in specs.items()
        }
        store = stack.enter_context(open_hub(f"duckdb:{hub}", clock=clock))
        yield make_world(store, model, connections, clock, "benchmark")
