"""Pages and addresses that are not generated: set-up, runs, sign-in, callbacks, the side bar."""

from django.urls import path, re_path

from saleswright.integrations.workplace.pages import callbacks, set_up, side_bar, sign_on

PROVIDER = "(?P<provider>wecom|dingtalk)"

urlpatterns = [
    path("workplaces/<int:pk>/set-up", set_up.panel),
    path("workplaces/<int:pk>/test", set_up.test),
    path("workplaces/<int:pk>/runs/<str:kind>", set_up.start),
    path("workplaces/<int:pk>/decide", set_up.decide),
    path("staff-syncs/<int:pk>/lines", set_up.lines),
    re_path(f"^sign-in/{PROVIDER}$", sign_on.begin),
    re_path(f"^sign-in/{PROVIDER}/back$", sign_on.finish),
    re_path(f"^callbacks/{PROVIDER}$", callbacks.receive),
    re_path(f"^side-bar/{PROVIDER}$", side_bar.page),
    re_path(f"^side-bar/{PROVIDER}/signature$", side_bar.signature),
    re_path(f"^side-bar/{PROVIDER}/chat$", side_bar.chat),
    re_path(f"^side-bar/{PROVIDER}/search$", side_bar.search),
    re_path(f"^side-bar/{PROVIDER}/(?P<verb>link|lead|note|task)$", side_bar.act),
]
