"""Writing records of one entity. Preparing makes the exact bytes; sending them is a step of its own, so that the intent can be
made durable in between.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from talk_assets.specs.property import Property
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.specs.writing import IdempotencyKey, NaturalKey, SearchableReference, UniqueReference
from talk_assets.systems import strict_json
from talk_assets.systems.calling.address import fill, placeholders
from talk_assets.systems.encode import encode, is_hidden, missing, raw_at
from talk_assets.systems.errors import CannotWrite
from talk_assets.systems.reading.reader import Reader, Record
from talk_assets.systems.reading.rows import text_of
from talk_assets.systems.writing import body
from talk_assets.systems.writing.joined import Joined
from talk_assets.systems.writing.prepared import Prepared

_JSON = {"Content-Type": "application/json"}
_WRITABLE = {
    "create": {"read_write", "write_only", "create_only"},
    "update": {"read_write", "write_only"},
}
_JSON_PATCH = {"Content-Type": "application/json-patch+json"}


class Writer:
    """Makes writes of one entity."""

    def __init__(self, system: SystemSpec, name: str, reader: Reader, joined: Joined | None = None) -> None:
        self._system = system
        self._name = name
        self._entity: Entity = system.entities[name]
        self._reader = reader
        self._joined = joined

    def create(self, values: Mapping[str, Any], reference: str) -> Prepared:
        """`reference` marks this creation for ever: the same for every attempt, and never used for another record."""
        spec = self._entity.create
        if spec is None:
            raise CannotWrite(f"{self._entity.title} cannot be created")
        mark, headers = self._marked(reference)
        if self._entity.mark:
            mark[self._entity.mark] = reference
        given = {path: value for path, value in {**self._given(), **values, **mark}.items() if value is not None}
        owned = self._entity.joins.owns if self._entity.joins else ()
        sent = {path: self._encoded(path, value, "create") for path, value in given.items() if path not in owned}
        self._require(sent)
        in_path = placeholders(spec.path)
        path = fill(spec.path, {name: text_of(sent.get(name)) for name in in_path})
        written = {name: value for name, value in sent.items() if name not in in_path}
        return Prepared(
            kind="create",
            system=self._system.system,
            entity=self._name,
            method=spec.method,
            path=path,
            headers=_JSON | headers,
            body=strict_json.dumps(body.inside(spec.envelope, body.nested(written))).decode(),
            known=body.nested({name: sent[name] for name in in_path}),
            sent=sent,
            reference=reference,
        )

    def update(
        self,
        record: Record,
        changes: Mapping[str, Any],
        known: Mapping[str, Any] | None = None,
        beside: Collection[str] = (),
    ) -> list[Prepared]:
        """One write, or two where some of the properties belong to another entity's record. `record` is what we believe to
        be there; `known` adds what addresses need and reads do not show. Properties `beside` those that change must be what we
        believe, too.
        """
        spec = self._entity.update
        if spec is None:
            raise CannotWrite(f"{self._entity.title} cannot be changed")
        values = record.values()
        joins = self._entity.joins
        owned = {path: value for path, value in changes.items() if joins and path in joins.owns}
        own = {path: value for path, value in changes.items() if path not in owned}
        writes = []
        if own:
            encoded = {path: self._encoded(path, value, "update", raw_at(values, path)) for path, value in own.items()}
            writes.append(self._changed(record, values, encoded, body.merge(values, known or {}), beside))
        if owned:
            if self._joined is None:
                raise CannotWrite(f"{self._entity.title}: {', '.join(owned)} belongs to an entity that is not at hand")
            writes += self._joined.update(values, owned)
        return writes

    def archive(self, record: Record, known: Mapping[str, Any] | None = None) -> list[Prepared]:
        """Take a record out of use, the way its spec says."""
        spec = self._entity.archive
        if spec is None:
            raise CannotWrite(f"{self._entity.title} can neither be archived nor deleted")
        if spec.set is not None:
            return self.update(record, dict(spec.set), known)
        if spec.delete is None:
            raise CannotWrite(f"{self._entity.title}: its archive says neither what to set nor where to delete")
        values = body.merge(record.values(), known or {})
        return [
            self._base(
                record, values, "delete", "DELETE", spec.delete, _if_match(record) if self._style == "etag" else {}, None
            )
        ]

    @property
    def _style(self) -> str:
        return self._entity.concurrency.type if self._entity.concurrency else "compare"

    def _changed(
        self,
        record: Record,
        values: dict[str, Any],
        changes: dict[str, Any],
        known: Mapping[str, Any],
        beside: Collection[str],
    ) -> Prepared:
        spec = self._entity.update
        if spec is None:
            raise CannotWrite(f"{self._entity.title} cannot be changed")
        before = {path: old for path in (*changes, *beside) if not missing(old := raw_at(values, path))}
        unseen = [path for path in (*changes, *beside) if path not in before and self._can_be_seen(path)]
        headers = _JSON_PATCH if spec.style == "json_patch" else _JSON
        if self._style == "etag":
            headers = headers | _if_match(record)
        version = self._version(values)
        content: Any
        method = spec.method or "PATCH"
        match spec.style:
            case "json_patch":
                untested = [path for path, prop in self._entity.properties.items() if is_hidden(prop, raw_at(values, path))]
                content = body.json_patch(values, changes, untested, beside)
            case "merge_patch":
                named = {path: value for path in spec.also if not missing(value := raw_at(values, path))}
                content = body.inside(spec.envelope, body.merge_patch({**named, **changes, **version}))
            case "put" | "post":
                method = spec.style.upper()
                leave_out = self._left_out(values, spec.path, keep_key=spec.style == "post")
                content = body.inside(spec.envelope, body.whole(values, {**changes, **version}, leave_out))
        prepared = self._base(record, known, "update", method, spec.path, headers, strict_json.dumps(content).decode())
        is_guarded = {
            "compare": False,
            "etag": bool(record.etag),
            "version": bool(version) and spec.style != "json_patch",
            "json_patch_test": spec.style == "json_patch",
        }[self._style]
        return replace(
            prepared,
            sent=changes,
            before=before,
            unseen=unseen,
            before_text=record.text if spec.style in {"put", "post"} else None,
            version=text_of(next(iter(version.values()), None)),
            compare=not is_guarded or bool(unseen),
        )

    def _can_be_seen(self, path: str) -> bool:
        return self._entity.get is not None and self._entity.properties[path].access != "write_only"

    def _base(
        self,
        record: Record,
        values: Mapping[str, Any],
        kind: Any,
        method: str,
        template: str,
        headers: Mapping[str, str],
        content: str | None,
    ) -> Prepared:
        addressed = {
            name: text_of(raw_at(values, name)) for name in placeholders(template) if not missing(raw_at(values, name))
        }
        key = self._entity.key
        item = placeholders(self._entity.get.path) if self._entity.get else []
        needed = {name: raw_at(values, name) for name in item if name != key and not missing(raw_at(values, name))}
        return Prepared(
            kind=kind,
            system=self._system.system,
            entity=self._name,
            method=method,
            path=fill(template, addressed | {key: record.id}),
            headers=headers,
            body=content,
            id=record.id,
            known=body.nested(needed),
            stamp=record.stamp or self._stamp(values),
        )

    def _stamp(self, values: Mapping[str, Any]) -> str | None:
        path = self._entity.modified
        found = raw_at(values, path) if path else None
        return None if missing(found) else text_of(found)

    def _version(self, values: Mapping[str, Any]) -> dict[str, Any]:
        concurrency = self._entity.concurrency
        if concurrency is None or concurrency.type != "version" or not concurrency.property:
            return {}
        found = raw_at(values, concurrency.property)
        if missing(found) or found is None:
            raise CannotWrite(f"{self._entity.title}: the record shows no {concurrency.property}, which guards its updates")
        return {concurrency.property: found}

    def _left_out(self, values: Mapping[str, Any], path: str, *, keep_key: bool) -> list[str]:
        """Of a whole record: what the address says already, what the server works out, what we may not see, and what belongs
        to another record.
        """
        version = self._version(values)
        in_path = set(placeholders(path))
        owned = set(self._entity.joins.owns) if self._entity.joins else set()
        return [
            name
            for name, prop in self._entity.properties.items()
            if not (name == self._entity.key and keep_key)
            and name not in version
            and (name in in_path or name in owned or prop.access == "read_only" or is_hidden(prop, raw_at(values, name)))
        ]

    def _given(self) -> dict[str, Any]:
        """What a new record holds unless a mapping says otherwise."""
        defaults = {path: prop.default for path, prop in self._entity.properties.items() if prop.default is not None}
        return defaults | {path: values[0] for path, values in self._entity.where.items() if values}

    def _marked(self, reference: str) -> tuple[dict[str, Any], dict[str, str]]:
        match self._entity.idempotency:
            case IdempotencyKey(header=header):
                return {}, {header: reference}
            case UniqueReference(property=path, max_length=longest) | SearchableReference(property=path, max_length=longest):
                if len(reference) > longest:
                    raise CannotWrite(f"the reference has {len(reference)} characters; {path} holds {longest}")
                return {path: reference}, {}
            case _:
                return {}, {}

    def _encoded(self, path: str, value: Any, kind: str, held: Any = None) -> Any:
        prop = self._property(path)
        if prop.access not in _WRITABLE[kind]:
            raise CannotWrite(f"{self._entity.title}.{path} is {prop.access.replace('_', ' ')}")
        for limitation in self._entity.limitations:
            if limitation.property == path and limitation.cannot == kind:
                raise CannotWrite(f"{self._entity.title}.{path}: {limitation.reason}")
        return encode(prop, value, path, self._system.time_zone, held)

    def _property(self, path: str) -> Property:
        if path not in self._entity.properties:
            raise CannotWrite(f"{self._entity.title} has no property {path!r}")
        return self._entity.properties[path]

    def _require(self, sent: Mapping[str, Any]) -> None:
        needed = {path for path, prop in self._entity.properties.items() if prop.required}
        if self._entity.joins:
            needed = (needed | {self._entity.joins.property}) - set(self._entity.joins.owns)
        if isinstance(self._entity.idempotency, NaturalKey) and self._property(self._entity.idempotency.property).required:
            needed.add(self._entity.idempotency.property)
        if lacking := sorted(needed - sent.keys()):
            raise CannotWrite(f"{self._entity.title} cannot be created without {', '.join(lacking)}")


def _if_match(record: Record) -> dict[str, str]:
    return {"If-Match": record.etag} if record.etag else {}
