"""Pages that are not generated: the calendar, the day on a phone, reports, and panels of records."""

from __future__ import annotations

from django.urls import path
from django.utils.translation import gettext_lazy as _

from saleswright.interface.navigation import Page, add_page
from saleswright.modules.visits.pages import day, panels, reporting, schedule

add_page("opportunities", Page(_("My day"), "sun", "/my-day", "activities.view"))
add_page("opportunities", Page(_("My schedule"), "calendar", "/schedule", "activities.view"))
add_page("team", Page(_("My report"), "pencil", "/my-report", "work-reports.submit"))
add_page("team", Page(_("Who has reported"), "clipboard-check", "/report-desk", "work-reports.read"))

urlpatterns = [
    path("my-day", day.my_day),
    path("my-week", day.my_week),
    path("schedule", schedule.page),
    path("schedule/feed", schedule.feed_dialog),
    path("schedule/feed/renew", schedule.renew),
    path("schedule/feed/end", schedule.end),
    path("schedule/<int:pk>/move", schedule.move),
    path("calendar/<str:token>.ics", schedule.feed),
    path("my-report", reporting.my_report),
    path("report-desk", reporting.desk),
    path("work-reports/<int:pk>/facts/panel", reporting.facts_panel),
    path("activities/<int:pk>/visit/panel", panels.visit_panel),
    path("customers/<int:pk>/needs/panel", panels.needs_panel),
    path("customers/<int:pk>/profit/panel", panels.profit_panel),
    path("visit-plans/<int:pk>/route/panel", panels.route_panel),
]
