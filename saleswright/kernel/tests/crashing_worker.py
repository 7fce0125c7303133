"""A worker process that tests kill: `python -m saleswright.kernel.tests.crashing_worker`."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

CHUNKS = 12
KIND = "test.count-in-chunks"


def register() -> None:
    """The job: counts to CHUNKS, one in each chunk."""
    from django.db.models import F

    from saleswright.kernel.jobs import JobContext, job
    from saleswright.kernel.models import Counter

    @job(KIND, atomic=False)
    def count_in_chunks(ctx: JobContext, series: str) -> dict[str, int]:
        began_at = ctx.done
        for number in range(ctx.done, CHUNKS):
            with ctx.chunk(number + 1, CHUNKS):
                Counter.objects.filter(series=series).update(last=F("last") + 1)
            time.sleep(0.1)
        return {"began_at": began_at}


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    django.setup()
    register()
    from saleswright.kernel.worker import Worker

    Worker(poll=0.05, lease=timedelta(seconds=1)).run_forever(threading.Event())
