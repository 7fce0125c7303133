"""Addresses of the pages: modules' own first, then the generated ones."""

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.urls import path

from saleswright.interface.pages import (
    account,
    audit,
    boards,
    conditions,
    details,
    exchange,
    finding,
    forms,
    imports,
    lists,
    merging,
    overview,
    session,
    sign_on,
)
from saleswright.interface.pages import settings as set_up


def module_pages() -> list:
    """The addresses that modules and adapters add in their `pages`."""
    found: list = []
    for name in settings.INSTALLED_APPS:
        if name.startswith(("saleswright.modules.", "saleswright.integrations.")) and find_spec(f"{name}.pages"):
            found += getattr(import_module(f"{name}.pages"), "urlpatterns", [])
    return found


urlpatterns = [
    path("", overview.home, name="home"),
    path("sign-in", session.sign_in, name="sign-in"),
    path("sign-in/code", session.sign_in_code, name="sign-in-code"),
    path("sign-in/enrol", session.sign_in_enrol, name="sign-in-enrol"),
    path("sign-in/company", sign_on.begin, name="sign-in-company"),
    path("sign-in/company/back", sign_on.finish, name="sign-in-company-back"),
    path("sign-out", session.sign_out, name="sign-out"),
    path("language", session.set_language, name="language"),
    path("account", account.security, name="account"),
    path("account/password", account.password),
    path("account/second-factor", account.set_up_factor),
    path("account/second-factor/codes", account.renew_codes),
    path("account/second-factor/off", account.remove_factor),
    path("account/sessions/end", account.end_session),
    path("account/tokens", account.tokens, name="account-tokens"),
    path("account/tokens/<int:pk>/end", account.end_my_token),
    path("account/people", account.people, name="account-people"),
    path("account/people/rules", account.rules),
    path("account/people/<int:pk>", account.person, name="account-person"),
    path("account/people/<int:pk>/<str:verb>", account.person_action),
    path("settings", set_up.start, name="settings"),
    path("audit", audit.page, name="audit"),
    path("audit/export", audit.export),
    path("imports/<int:pk>/standing", imports.panel),
    path("imports/<int:pk>/errors", imports.errors),
    path("conditions/<str:name>", conditions.edit),
    path("conditions/<str:name>/row", conditions.one_row),
    path("search", finding.palette, name="search"),
    path("pick/<str:name>", finding.pick),
    path("reports", overview.report_index, name="reports"),
    path("reports/<str:name>", overview.report),
    path("reports/<str:name>/export", overview.export_report),
    *module_pages(),
    path("<str:name>", lists.list_page),
    path("<str:name>/totals", lists.totals),
    path("<str:name>/views", lists.save_view),
    path("<str:name>/views/<int:pk>/delete", lists.delete_view),
    path("<str:name>/bulk/<str:verb>", lists.bulk),
    path("<str:name>/new", forms.new),
    path("<str:name>/duplicates", forms.duplicates),
    path("<str:name>/import", exchange.import_page),
    path("<str:name>/import/template", exchange.template_file),
    path("<str:name>/import/errors/<str:token>", exchange.errors_file),
    path("<str:name>/export", exchange.export),
    path("<str:name>/board", boards.board_page),
    path("<str:name>/board/drop", boards.drop),
    path("<str:name>/board/totals", boards.board_totals),
    path("<str:name>/calendar", boards.calendar_page),
    path("<str:name>/<int:pk>", details.detail),
    path("<str:name>/<int:pk>/edit", forms.edit),
    path("<str:name>/<int:pk>/merge", merging.merge_page),
    path("merges/<int:pk>/moved", merging.moved_panel),
    path("<str:name>/<int:pk>/timeline", details.history),
    path("<str:name>/<int:pk>/related/<str:tab>", details.related),
    path("<str:name>/<int:pk>/document.<str:suffix>", details.document),
    path("<str:name>/<int:pk>/reveal/<str:field>", details.reveal),
    path("<str:name>/<int:pk>/actions/<str:verb>", forms.action),
]
