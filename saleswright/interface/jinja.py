"""The Jinja2 environment of all pages and form widgets, and what every page is given."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import django.forms
import jinja2
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext, npgettext, pgettext
from markupsafe import Markup

from saleswright.interface import formatting
from saleswright.interface.assets import ICONS, SPRITE

FORM_TEMPLATES = Path(django.forms.__file__).parent / "jinja2"
CHOICE_INPUTS = {"checkbox", "radio"}


@lru_cache(maxsize=1024)
def icon(name: str, css: str = "") -> Markup:
    """A decorative icon of the sprite; a name that the sprite lacks shows a dot."""
    name = name if name in ICONS else "circle-dashed"
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(css, static(SPRITE), name)


def widget(field: BoundField, **attributes: str) -> SafeString:
    """A form field's input with the classes of its kind."""
    kind = getattr(field.field.widget, "input_type", "")
    given = field.field.widget.attrs.get("class", "")
    css = "form-check-input" if kind in CHOICE_INPUTS else "form-select" if kind == "select" else "form-control"
    names = [css, given, "is-invalid" if field.errors else "", attributes.pop("css", "")]
    return field.as_widget(attrs={"class": " ".join(filter(None, names)), **attributes})


def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a named page."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


def initial(name: str) -> str:
    """What stands for a person in a small circle: the family name of a Chinese name, else the first letter."""
    return name.strip()[:1].upper()


def tone(text: str) -> str:
    """A colour name that stays the same for the same text."""
    names = ("blue", "teal", "indigo", "orange", "green", "purple", "pink", "cyan")
    return names[sum(map(ord, text)) % len(names)]


def environment(**options: Any) -> jinja2.Environment:
    """The environment of all templates: escaped, translated, with Django's own form templates behind ours."""
    loader = jinja2.ChoiceLoader([options.pop("loader"), jinja2.FileSystemLoader(FORM_TEMPLATES)])
    if settings.TESTING:
        options["undefined"] = jinja2.StrictUndefined
    env = jinja2.Environment(
        loader=loader, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"], **options
    )
    env.policies["ext.i18n.trimmed"] = True
    env.policies["json.dumps_kwargs"] = {"cls": DjangoJSONEncoder, "ensure_ascii": False}
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, ngettext, newstyle=True, pgettext=pgettext, npgettext=npgettext
    )
    env.globals.update(
        url=url,
        static=static,
        icon=icon,
        widget=widget,
        initial=initial,
        tone=tone,
        language=get_language,
        money=formatting.format_money,
        compact=formatting.compact,
    )
    env.filters.update(date=formatting.format_date, number=formatting.format_number, percent=formatting.format_percent)
    return env


def shell(request: HttpRequest) -> dict[str, Any]:
    """What surrounds every page: navigation and counts of the person, None for nobody; the nonce of its scripts."""
    from saleswright.interface.navigation import shell_for

    return {
        "shell": shell_for(request),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "theme": request.COOKIES.get("theme", "auto"),
        "narrow": request.COOKIES.get("nav") == "narrow",
    }
