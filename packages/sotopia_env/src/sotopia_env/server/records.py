"""Profiles, relationships, dimensions and episodes of a store, over HTTP."""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from ..episode import Episode
from ..errors import FormatError, NotFoundError, one_of, unknown_name
from ..evaluators.dimensions import RUBRICS, Rubric, rubric
from ..formats import FORMS, CustomDimension, CustomDimensionList, RecordForm, write_episode_log
from ..formats.reading import JsonObject, checked
from ..profiles import RelationshipProfile
from ..store import EpisodeStore
from .problems import body_of, problem

_LOG: Final = logging.getLogger(__name__)

_WHOLE: Final = ("age", "relationship", "range_low", "range_high")
"""Keys whose whole numbers published clients also write as `1.0`."""


class _NewList(BaseModel):
    """A list of dimensions as clients send it; further keys are let be."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    pk: str | None = None
    name: str = Field(min_length=1)
    dimensions: tuple[dict[str, Any], ...] = Field(min_length=1)


class Records:
    """Handlers of everything that is kept in a store."""

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store

    def routes(self) -> list[web.RouteDef]:
        return [
            *self._routes_of("scenarios", FORMS["environments"], ("codename",)),
            *self._routes_of("agents", FORMS["agents"], ("gender", "occupation")),
            web.get("/relationship/{first}/{second}", self.relationship),
            *self._changes_of("relationship", FORMS["relationships"]),
            web.get("/episodes", self.episodes),
            web.get("/episodes/{field}/{value}", self.episodes_by),
            web.delete("/episodes/{id}", self.delete_episode),
            web.get("/evaluation_dimensions", self.dimensions),
            web.post("/evaluation_dimensions", self.add_dimensions),
            web.delete(
                "/evaluation_dimensions/{id}", partial(self.delete, FORMS["dimension lists"])
            ),
        ]

    def _routes_of(
        self, path: str, form: RecordForm[Any], fields: Sequence[str]
    ) -> list[web.RouteDef]:
        return [
            web.get(f"/{path}", partial(self.all, form)),
            web.get(f"/{path}/{{field}}/{{value}}", partial(self.by, form, fields)),
            *self._changes_of(path, form),
        ]

    def _changes_of(self, path: str, form: RecordForm[Any]) -> list[web.RouteDef]:
        return [
            web.post(f"/{path}", partial(self.add, form)),
            web.delete(f"/{path}/{{id}}", partial(self.delete, form)),
        ]

    async def all(self, form: RecordForm[Any], _: web.Request) -> web.Response:
        return _answer(form, self._store.find(form.model))

    async def by(
        self, form: RecordForm[Any], fields: Sequence[str], request: web.Request
    ) -> web.Response:
        field, value = request.match_info["field"], request.match_info["value"]
        one_of(("id", *fields), field, f"way to look up {form.kind}", FormatError)
        if field != "id":
            found = self._store.find(form.model, **{field: value})
            return _answer(form, found) if found else _none(form.kind, field, value)
        try:
            return _answer(form, [self._store.get(form.model, value)])
        except NotFoundError:
            return _none(form.kind, field, value)

    async def add(self, form: RecordForm[Any], request: web.Request) -> web.Response:
        record = read_record(form, await body_of(request), "body")
        return web.json_response(self._store.save(record)[0])

    async def delete(self, form: RecordForm[Any], request: web.Request) -> web.Response:
        identity = request.match_info["id"]
        if self._store.delete(form.model, identity):
            return web.json_response(identity)
        return _none(form.kind, "id", identity)

    async def relationship(self, request: web.Request) -> web.Response:
        first, second = request.match_info["first"], request.match_info["second"]
        known = self._store.find(RelationshipProfile, agent_1_id=first, agent_2_id=second)
        if not known:
            return problem(404, f"no relationship of {first!r} to {second!r} is known")
        how = known[0].relationship
        return web.json_response(f"{how.value}: {how.name}")

    async def episodes(self, _: web.Request) -> web.Response:
        return web.json_response(_logs(self._store.episodes()))

    async def episodes_by(self, request: web.Request) -> web.Response:
        field, value = request.match_info["field"], request.match_info["value"]
        one_of(("id", "tag"), field, "way to look up episodes", FormatError)
        if field == "id":
            logs = [write_episode_log(episode) for episode in self._store.get_many([value])]
        else:
            logs = _logs(self._store.episodes(value))
        return web.json_response(logs) if logs else _none("episodes", field, value)

    async def delete_episode(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        if self._store.delete_episode(key):
            return web.json_response(key)
        return _none("episodes", "id", key)

    async def dimensions(self, _: web.Request) -> web.Response:
        form = FORMS["dimensions"]
        known = {d.dimension_id: d for d in self._store.find(CustomDimension)}
        lists = {
            kept.name: [form.write(known[k], "local") for k in kept.dimension_ids if k in known]
            for kept in self._store.find(CustomDimensionList)
        }
        return web.json_response(lists)

    async def add_dimensions(self, request: web.Request) -> web.Response:
        """Keep a list; a dimension that is known by its name already is not kept again."""
        new = checked(_NewList, await body_of(request), "body")
        if new.name in RUBRICS or self._store.find(CustomDimensionList, name=new.name):
            return problem(409, f"there is a list of dimensions called {new.name!r}")
        if new.pk and self._store.find(CustomDimensionList, list_id=new.pk):
            return problem(409, f"there is a list of dimensions with id {new.pk!r}")
        given = [
            read_record(FORMS["dimensions"], item, f"body: dimension {number}")
            for number, item in enumerate(new.dimensions)
        ]
        names = [dimension.name for dimension in given]
        if len(set(names)) < len(names):
            raise FormatError(f"body: dimensions: a name stands twice in {names}; rename one")
        keys: list[str] = []
        fresh: list[CustomDimension] = []
        for dimension in given:
            known = self._store.find(CustomDimension, name=dimension.name)
            identity = dimension.dimension_id or uuid.uuid4().hex
            if len(known) > 1:
                return problem(409, f"{len(known)} dimensions are called {dimension.name!r}")
            if not known and self._store.find(CustomDimension, dimension_id=identity):
                return problem(409, f"another dimension has the id {identity!r}")
            if not known:
                fresh.append(dimension.model_copy(update={"dimension_id": identity}))
            keys.append(known[0].dimension_id if known else identity)
        kept = CustomDimensionList(list_id=new.pk or "", name=new.name, dimension_ids=tuple(keys))
        return web.json_response(self._store.save(*fresh, kept)[-1])


def read_record(form: RecordForm[Any], content: Mapping[str, Any], where: str) -> Any:
    """A record as clients send it: the local form, its id absent, empty or null for a new one.

    Raises:
        FormatError: for what it misses, or has too much or of a wrong type, with the key.
    """
    values = {
        key: int(value) if key in _WHOLE and _is_whole(value) else value
        for key, value in content.items()
        if value is not None or key != "pk"
    }
    identities = {"pk", *(key for key, name in form.line.items() if name == form.identity)}
    if not identities & values.keys():
        values["pk"] = ""
    return form.read(values, where)


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def rubric_of(store: EpisodeStore, name: str) -> Rubric:
    """The dimensions of a list: one of `RUBRICS`, or one of the store.

    Raises:
        NotFoundError: if there is none of that name, or a dimension of it is gone.
    """
    if name in RUBRICS:
        return RUBRICS[name]
    lists = {kept.name: kept for kept in store.find(CustomDimensionList)}
    if name not in lists:
        raise NotFoundError(unknown_name("list of dimensions", name, [*RUBRICS, *lists]))
    known = {d.dimension_id: d for d in store.find(CustomDimension)}
    gone = [key for key in lists[name].dimension_ids if key not in known]
    if gone:
        raise NotFoundError(f"dimension {gone[0]!r} of the list {name!r} is gone; make a new list")
    return rubric([known[key] for key in lists[name].dimension_ids])


def _answer(form: RecordForm[Any], records: Iterable[BaseModel]) -> web.Response:
    return web.json_response([form.write(record, "local") for record in records])


def _none(kind: str, field: str, value: str) -> web.Response:
    return problem(404, f"no {kind} with {field} {value!r}")


def _logs(episodes: Iterable[Episode]) -> list[JsonObject]:
    """Those of the episodes that have a published form."""
    logs = []
    for episode in episodes:
        try:
            logs.append(write_episode_log(episode))
        except FormatError as error:
            _LOG.warning("left out: %s", error)
    return logs
