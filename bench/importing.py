"""100,000 customers from a csv file by the command: validation, duplicates, rights, audit, events, search."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from bench.data import MANAGER, People, customer_rows
from bench.measure import Row
from bench.serving import ROOT

ROWS = 100_000
KEPT = ("kernel_searchrow", "kernel_auditentry", "kernel_outboxevent")


def run(people: People) -> Iterator[Row]:
    """Rows a second and the peak of resident memory of the importing process, its start included."""
    clean()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "customers.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(customer_rows(ROWS))
        floor = copied(file)
        command = [sys.executable, "-m", "saleswright.cli", "import", "customers", str(file), "--user", MANAGER]
        begin = time.perf_counter()
        child = subprocess.Popen(command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE)
        assert child.stdout is not None
        answer = child.stdout.read()
        _pid, status, usage = os.wait4(child.pid, 0)
        taken = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
    assert f'"created": {ROWS}' in answer.decode(), answer
    clean()
    yield Row(f"import of {ROWS:,} customers", ROWS / taken, 3000, "rows/s", taken * 1000, floor * 1000, more=True)
    yield Row("import, its own processor time", usage.ru_utime + usage.ru_stime, None, "s")
    yield Row("import, peak of resident memory", usage.ru_maxrss / 1024, 300, "MB")


def copied(file: Path) -> float:
    """Seconds for a COPY of the file's rows into a table without indexes: no checks, no audit, no search."""
    begin = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bench_copy AS SELECT code, name, industry, province, city, source, level,"
                       " tags::text, credit_code, address FROM customers_customer WHERE false")  # fmt: skip
        with cursor.copy("COPY bench_copy FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            copy.write(file.read_bytes())
        cursor.execute("DROP TABLE bench_copy")
    return time.perf_counter() - begin


def clean() -> None:
    """Take the imported rows away again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM customers_customer WHERE code LIKE 'I-%%'", [])
        between = cursor.fetchone()
        for table in KEPT:
            cursor.execute(f"DELETE FROM {table} WHERE resource = 'customers' AND record_id BETWEEN %s AND %s", between)
        cursor.execute("DELETE FROM customers_customer WHERE code LIKE 'I-%%'", [])
        for table in (*KEPT, "customers_customer"):
            cursor.execute(f"VACUUM ANALYZE {table}")
