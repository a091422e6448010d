"""dlt: its rest_api source into DuckDB, as it comes and as its manual says to make it faster; and a custom destination."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.deliver import start_anew
from benchmarks.measure import Stopwatch

_TUNING = {
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "10000",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000",
    "NORMALIZE__LOADER_FILE_FORMAT": "parquet",
    "EXTRACT__NEXT_ITEM_MODE": "fifo",
}


def collect(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    tuned = settings.get("tuned", False)
    if tuned:
        os.environ.update(_TUNING)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLT_DATA_DIR"] = folder
        import dlt  # noqa: PLC0415 - its settings are read as it is imported
        from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator  # noqa: PLC0415
        from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

        source = rest_api_source(
            {
                "client": {
                    "base_url": f"{settings['url']}/shop/",
                    "paginator": PageNumberPaginator(
                        base_page=1, page_param="page", total_path=None, stop_after_empty_page=True
                    ),
                },
                "resources": [{"name": "customers", "endpoint": {"path": "customers", "params": {"size": 1000}}}],
            },
            max_table_nesting=0 if tuned else None,
        )
        pipeline = dlt.pipeline(
            "customers",
            destination=dlt.destinations.duckdb(str(Path(folder) / "customers.duckdb")),
            dataset_name="shop",
            pipelines_dir=folder,
        )
        with watch.running():
            done = pipeline.run(source)
        done.raise_on_failed_jobs()
        with pipeline.sql_client() as client:
            found = client.execute_sql("SELECT count(*) FROM customers")
        if not found or found[0][0] != settings["records"]:
            raise SystemExit(f"dlt loaded {found}, not {settings['records']}")


def deliver(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """As parallel as a custom destination gets: a load job for each request in flight."""
    count, concurrency = settings["changes"], settings["concurrency"]
    os.environ["LOAD__WORKERS"] = str(concurrency)
    os.environ["SOURCES__DATA_WRITER__FILE_MAX_ITEMS"] = os.environ["NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS"] = str(
        -(-count // concurrency)
    )
    os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = str(-(-count // concurrency))
    start_anew(settings["url"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLT_DATA_DIR"] = folder
        import dlt  # noqa: PLC0415 - its settings are read as it is imported
        from dlt.sources.helpers import requests  # noqa: PLC0415

        sent: list[int] = []

        @dlt.destination(batch_size=1, loader_file_format="typed-jsonl", name="desk", naming_convention="direct")
        def desk(items: Any, table: Any) -> None:
            del table
            for item in items:
                said = requests.patch(
                    f"{settings['url']}/desk/customers/{item['id']}", json={"phone": item["phone"], "version": item["version"]}
                )
                said.raise_for_status()
                sent.append(item["id"])

        pipeline = dlt.pipeline("changes", destination=desk, pipelines_dir=folder)
        rows = [{"id": number, "phone": f"+47 {50_000_000 + number}", "version": 1} for number in range(1, count + 1)]
        with watch.running():
            pipeline.run(rows, table_name="customers").raise_on_failed_jobs()
        if len(sent) != count:
            raise SystemExit(f"dlt sent {len(sent)} of {count} changes")
