"""`saleswright bench [PART...]`: measure the product against the same work by plain SQL, and print what holds."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "postgresql://postgres@127.0.0.1:5432/saleswright_bench"
PARTS = {
    "lists": "JSON lists, pages, boards, deep pages; SQLite beside PostgreSQL",
    "board": "a board of 1,000 deals, its totals, and a drop",
    "custom_fields": "a custom field beside a built-in one",
    "searching": "search as one types",
    "importing": "100,000 customers from csv",
    "quote_to_order": "a quote of ten lines until its order is confirmed",
    "recycling": "a night of the public pools over 200,000 customers",
    "duplicates": "what looks the same while somebody types",
    "customer_360": "the whole customer on one page, with 10 and 10,000 rows of history",
    "memory": "a web process after 10,000 mixed requests",
    "paint": "what a cold browser loads",
}


def start() -> None:
    """Start Django on the database of the benchmarks."""
    if url := os.environ.get("BENCH_DATABASE_URL", DATABASE):
        os.environ["DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    import django

    django.setup()


def make_database() -> None:
    """Create the PostgreSQL database if there is none. Raises psycopg.Error when the server can't be reached."""
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    url = os.environ.get("BENCH_DATABASE_URL", DATABASE)
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as link:
        if not link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def main() -> None:
    """Run the parts asked for, all by default; exit status 1 when a bound is missed."""
    listed = "\n".join(f"  {name:16} {text}" for name, text in PARTS.items())
    parser = argparse.ArgumentParser(
        "saleswright bench", description=__doc__, epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure; everything by default")
    asked = parser.parse_args().parts
    if unknown := set(asked) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    make_database()
    start()
    from bench.data import ready

    people, well = ready(), True
    print(f"{'what':44}{'ours':>12}{'floor':>12}{'figure':>12}{'bound':>10}  ok", flush=True)
    for part in asked or PARTS:
        for row in import_module(f"bench.{part}").run(people):
            well = well and row.ok
            print(row, flush=True)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
