"""Makes an installation ready: tables, shipped roles and defaults, the first administrator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.utils import translation

from saleswright.kernel import clock
from saleswright.kernel.access.actors import access_changed, system
from saleswright.kernel.caching import forget_everything
from saleswright.kernel.models import Company, User
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import atomic

#: where what is ours and may ship something lies, in the order of the floors
OWN = ("saleswright.modules.", "saleswright.integrations.")


def initialise(admin: str = "", password: str = "") -> None:
    """Migrate, ship roles and defaults, and make the first administrator if named; safe to repeat."""
    call_command("migrate", verbosity=0, interactive=False)
    pack_static()
    with atomic():
        ship_defaults()
        if admin and not User.objects.filter(username__iexact=admin).exists():
            make_administrator(admin, password)


def ship_defaults() -> None:
    """What a fresh database holds: the company, and each module's `shipped.ship()` in the order of the floors."""
    at = clock.now()
    if not Company.objects.exists():
        Company.objects.create(created_at=at, updated_at=at)
    forget_everything()
    with translation.override(settings.LANGUAGE_CODE):
        for ship in shippers():
            ship()


def shippers() -> list[Callable[[], None]]:
    """The functions `ship` of the modules that ship something."""
    found = []
    for config in apps.get_app_configs():
        if config.name.startswith(OWN) and find_spec(f"{config.name}.shipped"):
            found.append(import_module(f"{config.name}.shipped").ship)
    return found


def make_administrator(username: str, password: str) -> User:
    """A person who may do everything. Raises ValidationFailed for a weak password."""
    values = {"username": username, "name": username, "password": password, "roles": ["administrator"]}
    user = save_record(User, values, actor=system("init"))
    access_changed()
    return user


def pack_static() -> None:
    """Collect and compress the files that browsers load, unless nothing of them changed since the last time."""
    files = [
        (name, Path(storage.path(name)).stat())
        for finder in finders.get_finders()
        for name, storage in finder.list(["*.map"])
    ]
    text = "\n".join(f"{name} {stat.st_mtime_ns} {stat.st_size}" for name, stat in sorted(files, key=lambda f: f[0]))
    mark = hashlib.sha256(text.encode()).hexdigest()
    kept = Path(settings.STATIC_ROOT) / ".packed"
    if kept.exists() and kept.read_text() == mark:
        return
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["*.map"])
    kept.write_text(mark)
