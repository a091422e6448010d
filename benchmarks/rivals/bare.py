"""Requests as fast as httpx sends them, with nothing kept: the ceiling for whoever does keep something."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from benchmarks.deliver import start_anew
from benchmarks.measure import Stopwatch

_HEADERS = {"Authorization": "Bearer not a secret"}


def in_threads(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    start_anew(settings["url"])
    limits = httpx.Limits(max_connections=settings["concurrency"], max_keepalive_connections=settings["concurrency"])
    with (
        watch.running(),
        httpx.Client(headers=_HEADERS, limits=limits) as client,
        ThreadPoolExecutor(settings["concurrency"]) as pool,
    ):
        numbers = range(1, settings["changes"] + 1)
        list(pool.map(lambda number: _checked(client.patch(**_change(settings, number))), numbers))


def in_a_loop(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    start_anew(settings["url"])
    with watch.running():
        asyncio.run(_all(settings))


async def _all(settings: Mapping[str, Any]) -> None:
    numbers = iter(range(1, settings["changes"] + 1))
    limits = httpx.Limits(max_connections=settings["concurrency"], max_keepalive_connections=settings["concurrency"])
    async with httpx.AsyncClient(headers=_HEADERS, limits=limits) as client:

        async def worker() -> None:
            for number in numbers:
                _checked(await client.patch(**_change(settings, number)))

        await asyncio.gather(*(worker() for _ in range(settings["concurrency"])))


def _change(settings: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "url": f"{settings['url']}/desk/customers/{number}",
        "json": {"phone": f"+47 {50_000_000 + number}", "version": 1},
    }


def _checked(answer: httpx.Response) -> None:
    answer.raise_for_status()
    answer.json()
