"""A worker process that tests kill while it sends: `python -m saleswright.integrations.tests.mail_worker`."""

from __future__ import annotations

import os
import threading
from datetime import timedelta

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
    django.setup()
    from saleswright.kernel.worker import Worker
    from saleswright.modules.work.actions import delivery

    delivery.CLAIM = timedelta(seconds=2)
    Worker(poll=0.05, lease=timedelta(seconds=1)).run_forever(threading.Event())
