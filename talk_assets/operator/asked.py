"""Creations of which only a person can say what came of them: what is asked, and how to answer."""

from dataclasses import dataclass

from talk_assets.hub.tables import holds
from talk_assets.operator.names import one_of_each
from talk_assets.specs.problems import few
from talk_assets.sync.doubt.candidates import candidates, of_creations
from talk_assets.sync.world import World

_MOST = 10


@dataclass(frozen=True)
class Question:
    """Whether a record was made already, and which one it is."""

    number: int
    """Of its hold."""
    entity: str
    source: str | None
    """A record of the thing that it was made for, unless all of them are gone."""
    candidates: tuple[str, ...]
    words: str

    @property
    def about(self) -> str:
        return f"new {self.entity} for {self.source or 'something that is gone by now'}"

    @property
    def reason(self) -> str:
        if not self.candidates:
            return self.words
        return (
            f"{self.words}: it may be {few(self.candidates, most=_MOST)}, and until somebody says so, nothing is made of "
            f"{'that' if len(self.candidates) == 1 else 'any of them'} elsewhere"
        )

    @property
    def action(self) -> str:
        if self.source is None:
            return f"it is none of those: `talk retry {self.number}`"
        first = self.candidates[0] if self.candidates else f"{self.entity}/ID"
        other = f"; another thing: `talk unlink {self.source} {first}`" if self.candidates else ""
        return (
            f"it is there: `talk link {self.source} {first}`{other}; it is not there: `talk retry {self.number}` makes it anew"
        )


def asked(world: World) -> dict[int, Question]:
    """By the numbers of their holds."""
    asking = of_creations(holds.still(world.hub, "rejected"))
    if asking.is_empty():
        return {}
    things = one_of_each(world, asking)
    named = candidates(world.hub).group_by("number", maintain_order=True).agg("record")
    records: dict[int, list[str]] = dict(named.iter_rows())
    told = asking.select("number", "entity", "cluster", "reason").iter_rows()
    return {
        number: Question(number, entity, things.get(cluster), tuple(records.get(number, ())), reason)
        for number, entity, cluster, reason in told
    }
