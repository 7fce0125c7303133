"""Quotes on paper: a Typst template for PDF and one of Word, filled in with the quote's data (QUO-05)."""

from __future__ import annotations

import re
import threading
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import typst
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from docxtpl import DocxTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from saleswright.interface.formatting import format_date, format_money, format_number
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.company import company
from saleswright.kernel.money import amount_in_words
from saleswright.kernel.personal import masked_by_default, note_unmasked
from saleswright.kernel.resources import resource_of
from saleswright.modules.customers.public import Contact
from saleswright.modules.sales.models import Quote, QuoteLine
from saleswright.modules.sales.states import QuoteStatus

FONTS = Path(settings.BASE_DIR) / "node_modules/@expo-google-fonts/noto-sans-sc"
SHIPPED = Path(settings.BASE_DIR) / "templates/documents"
#: a template of the same name in here takes the place of the shipped one
OWN = Path(settings.VAR_DIR) / "templates"
#: quotes that don't bind yet are marked
UNBINDING = (QuoteStatus.DRAFT, QuoteStatus.IN_APPROVAL)
#: what XML can't hold; line feeds and tabs may stay
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_lock = threading.Lock()


@lru_cache(maxsize=1)
def compiler() -> typst.Compiler:
    """The one compiler of this process: reading the fonts takes longer than setting a page."""
    weights = [FONTS / weight for weight in ("400Regular", "500Medium", "700Bold")]
    return typst.Compiler(font_paths=weights, ignore_system_fonts=True)


def template(name: str) -> Path:
    """The company's own template of that name, else the shipped one."""
    own = OWN / name
    return own if own.exists() else SHIPPED / name


def typeset(name: str, data: dict[str, Any]) -> bytes:
    """The PDF that the template `name` makes of the data, which it reads as JSON from `sys.inputs.data`."""
    with _lock:
        pdf = compiler().compile(
            template(name).read_bytes(), format="pdf", sys_inputs={"data": orjson.dumps(data).decode()}
        )
    assert isinstance(pdf, bytes)
    return pdf


def filled_in(name: str, data: dict[str, Any]) -> bytes:
    """The Word document that the template `name` becomes, whose text names the data as Jinja does."""
    document, file = DocxTemplate(template(name)), BytesIO()
    document.render(_printable(data), ImmutableSandboxedEnvironment(autoescape=True))
    document.save(file)
    return file.getvalue()


def _printable(data: Any) -> Any:
    """The data without characters that no document can hold."""
    if isinstance(data, dict):
        return {name: _printable(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_printable(value) for value in data]
    return UNPRINTABLE.sub("", data)


def quote_pdf(quote: Quote, actor: Actor, language: str) -> bytes:
    """The quote as a PDF, in the language asked for, else the reader's, else the installation's."""
    with translation.override(_spoken(actor, language)):
        return typeset("quote.typ", quote_data(quote, actor))


def quote_docx(quote: Quote, actor: Actor, language: str) -> bytes:
    """The same for Word, to be worked on."""
    with translation.override(_spoken(actor, language)):
        return filled_in("quote.docx", quote_data(quote, actor))


def _spoken(actor: Actor, language: str) -> str:
    wanted = language or actor.language or settings.LANGUAGE_CODE
    return "zh-hans" if wanted.lower().startswith("zh") else "en"


def quote_data(quote: Quote, actor: Actor) -> dict[str, Any]:
    """What the templates show, in the active language."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    chinese = language.startswith("zh")
    seller = company()
    lines = quote.lines.select_related("product").order_by("position", "id")
    money = lambda amount: format_money(amount, quote.currency, language)  # noqa: E731
    return {
        "lang": "zh" if chinese else "en",
        "region": "cn" if chinese else "us",
        "labels": _labels(),
        "number": quote.number or "",
        "mark": str(QuoteStatus(quote.status).label) if quote.status in UNBINDING else "",
        "company": {"name": seller.name, "lines": _seller_lines(seller)},
        "buyer": quote.customer.name,
        "customer": _customer_facts(quote, actor),
        "facts": _facts(quote),
        "greeting": _("Thank you for your inquiry. We are pleased to offer as follows:"),
        "columns": [
            _("No."), _("Product"), _("Unit"), _("Quantity"), _("Unit price"), _("Discount"), _("Net"), _("Tax"),
            _("Total"),
        ],
        "lines": [_line(line, index) for index, line in enumerate(lines, start=1)],
        "untaxed": money(quote.untaxed),
        "tax": money(quote.tax),
        "total": money(quote.total),
        "words": f"人民币{amount_in_words(quote.total)}" if chinese and quote.currency == "CNY" else "",
        "terms": quote.terms,
        "notes": _notes(quote),
    }  # fmt: skip


def _labels() -> dict[str, str]:
    return {
        "title": _("Quotation"),
        "untaxed": _("Untaxed"),
        "tax": _("Tax"),
        "total": _("Total with tax"),
        "words": _("Amount in words"),
        "terms": _("Terms"),
        "supplier": _("Supplier"),
        "buyer": _("Customer"),
        "sign": _("Signature and seal"),
        "date": _("Date"),
    }


def _seller_lines(seller: Any) -> list[str]:
    named = ((_("Phone"), seller.phone), (_("Unified social credit code"), seller.credit_code))
    found = [f"{name}: {value}" for name, value in named if value]
    return [part for part in (seller.address, "  ".join(found)) if part]


def _customer_facts(quote: Quote, actor: Actor) -> list[tuple[str, str]]:
    """Who it is for; the phone number for readers who may see it, which is noted, masked for the others."""
    customer, contact = quote.customer, quote.contact
    place = "".join(dict.fromkeys((customer.province, customer.city, customer.district))) + customer.address
    facts = [(_("Customer"), customer.name), (_("Address"), place)]
    if contact is not None:
        facts.append((_("Contact"), " ".join(part for part in (contact.name, contact.title) if part)))
        facts.append((_("Phone"), _number(contact, actor)))
    return [(name, value) for name, value in facts if value]


def _number(contact: Contact, actor: Actor) -> str:
    resource, name = resource_of(Contact), "mobile" if contact.mobile else "phone"
    number, mask = str(getattr(contact, name)), resource.mask_of(name)
    if mask is not None and not actor.sees(resource.right_of(name)):
        return mask(number) if number else ""
    if number and masked_by_default(resource, name):
        note_unmasked(resource, [(contact, [name])], actor)
    return number


def _facts(quote: Quote) -> list[tuple[str, str]]:
    facts = [(_("Number"), quote.number or ""), (_("Date"), format_date(quote.quoted_on))]
    facts.append((_("Valid until"), format_date(quote.valid_until) if quote.valid_until else ""))
    facts.append((_("Revision"), str(quote.revision) if quote.revision > 1 else ""))
    facts.append((_("Contact person"), quote.owner.name if quote.owner else ""))
    return [(name, value) for name, value in facts if value]


def _line(line: QuoteLine, position: int) -> dict[str, str]:
    details = (line.product.code, line.description)
    return {
        "position": str(position),
        "name": line.product.name,
        "detail": "  ".join(part for part in details if part),
        "unit": line.product.unit,
        "quantity": format_number(line.quantity),
        "price": price_text(line.unit_price or Decimal(0)),
        "discount": f"{format_number(line.discount_percent)}%" if line.discount_percent else "–",
        "net": format_number(line.net, 2),
        "tax": f"{format_number(line.tax, 2)} ({format_number(line.tax_rate)}%)",
        "gross": format_number(line.gross, 2),
    }


def price_text(price: Decimal) -> str:
    """A unit price with at least two and at most six places."""
    places = -int(price.normalize().as_tuple().exponent)
    return format_number(price, max(2, places))


def _notes(quote: Quote) -> list[str]:
    included = _("Unit prices include tax.") if quote.price_includes_tax else _("Unit prices are without tax.")
    values = {"currency": quote.currency}
    return [included, _("All amounts in %(currency)s.") % values]
