"""WeCom 企业微信 and DingTalk 钉钉: sign-in, staff, cards, approvals, the side bar beside customer chats."""

from saleswright.interface import modules


class WorkplaceConfig(modules.ModuleConfig):
    """The programs in which colleagues talk, each behind the same interface (`adapter.Workplace`)."""

    name = "saleswright.integrations.workplace"
    label = "workplace"

    def ready(self) -> None:
        super().ready()
        from saleswright.integrations.workplace import channels, doors
        from saleswright.interface.pages import session

        channels.register()
        session.contribute_doors(doors.doors)
