import asyncio
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from talk_assets.sandbox import PortTaken, VirtualClock, start
from talk_assets.sandbox.clock import NotAStamp, parse_stamp, stamp
from talk_assets.sandbox.delivery import ConnectionDropped
from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.ledger import Entry
from talk_assets.sandbox.serve import application, systems
from tests.sandbox.clients import Clients

ROOT = Path(__file__).parents[2]


def test_five_servers_start_together_in_under_three_seconds() -> None:
    began = time.monotonic()
    with start() as sandbox, Clients(sandbox) as clients:
        assert time.monotonic() - began < 3
        assert [client.get("state").status_code for client in clients.control.values()] == [200] * 5


def test_a_taken_port_is_named(sandbox) -> None:
    taken = sandbox.ports["invoiced"]
    with pytest.raises(PortTaken, match=str(taken)):
        start({"invoiced": taken}, size=0)


def test_a_request_that_still_waits_at_the_end_is_ended_without_a_word(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start(size=0) as sandbox, ThreadPoolExecutor() as pool:
        pms = sandbox.systems["custom_pms"]
        pms.faults.add(Fault("latency", options={"seconds": 900.0}))
        headers = {"Authorization": "Bearer sandbox-pms-token"}
        has_come, opened = threading.Event(), pms.ledger.open

        def seen(*call: Any) -> Entry:
            has_come.set()
            return opened(*call)

        monkeypatch.setattr(pms.ledger, "open", seen)
        asked = pool.submit(httpx.get, f"{sandbox.urls['custom_pms']}/v1/customers", headers=headers, timeout=60)
        assert has_come.wait(30)
        sandbox.stop()
        assert asked.result().is_server_error
    assert not caplog.text


def test_a_system_can_be_called_without_a_wire() -> None:
    system = systems(VirtualClock(), 1, 10)["custom_pms"]
    system.faults.add(Fault("drop_after", "customer", "create", 1))

    async def calls() -> list[int]:
        transport = httpx.ASGITransport(application(system))
        headers = {"Authorization": "Bearer sandbox-pms-token"}
        async with httpx.AsyncClient(transport=transport, base_url="http://pms", headers=headers) as client:
            first = await client.get("/v1/customers")
            with pytest.raises(ConnectionDropped):
                await client.post("/v1/customers", json={"name": "A"})
            return [
                first.status_code,
                (await client.get("/v1/customers", params={"page_size": 200})).json()["data"][-1]["name"] == "A",
            ]

    assert asyncio.run(calls()) == [200, True]


def test_the_variables_are_those_of_the_specs(sandbox) -> None:
    specs = "".join(path.read_text("utf-8") for path in (ROOT / "mapping_specs" / "systems").glob("*.yaml"))
    named = set(re.findall(r"(?:base_url_env: |\{env: )(\w+)", specs))
    assert named == sandbox.variables.keys()


def test_only_loopback_is_served(sandbox) -> None:
    assert all(url.startswith("http://127.0.0.1:") for url in sandbox.urls.values())


def test_the_sandbox_imports_nothing_of_the_engine() -> None:
    code = "import sys, talk_assets.sandbox; print(*[m for m in sys.modules if m.startswith('talk_assets.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603 - our own words
    loaded = run.stdout.split()
    assert all(name.startswith("talk_assets.sandbox") for name in loaded)
    assert "httpx" not in loaded


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("2026-11-21T08:00:00.1234567+00:00", "2026-11-21T08:00:00.1234567Z"),
        ("2026-11-21T09:00:00.5+01:00", "2026-11-21T08:00:00.5000000Z"),
        ("2026-11-21 08:00:00", "2026-11-21T08:00:00.0000000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.0000000Z"),
    ],
)
def test_stamps_keep_seven_digits(text, again) -> None:
    assert stamp(parse_stamp(text), 7, "Z") == again


@pytest.mark.parametrize("text", ["", "soon", "2026-11-21T08:00:00.", "2026-11-21T08:00:00.12345678Z", "2026-13-01"])
def test_what_is_no_stamp_is_refused(text) -> None:
    with pytest.raises(NotAStamp):
        parse_stamp(text)
