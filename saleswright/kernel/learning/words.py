"""What the findings of the guard are called."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

#: names that sound like a value which is written over until the case is decided
DOUBTFUL = (
    "last", "latest", "final", "current", "status", "stage", "tag", "quality", "result", "outcome", "reason", "closed",
    "converted", "won", "lost", "最后", "最近", "最终", "状态", "阶段", "标签", "质量", "结果", "原因", "成交", "转化",
)  # fmt: skip


def doubtful(name: str) -> bool:
    """Whether somebody should ask when the column of this name is filled in: its name sounds like a running value."""
    text = name.casefold()
    return any(word in text for word in DOUBTFUL)


def why_aside(reason: str, figures: Mapping[str, float]) -> str:
    """Why a column is set aside, for people."""
    match reason:
        case "known_after":
            return _("Marked as known only after the outcome")
        case "empty":
            return _("Filled in too rarely to learn from")
        case "constant":
            return _("Always the same")
        case "identifier":
            return _("A running number or key")
        case "separates":
            text = _("Alone it tells the outcome almost perfectly (AUC %(auc)s): it is probably known only afterwards")
            return text % {"auc": f"{figures['auc']:.2f}"}
        case "decides":
            text = _("For %(share)s of the cases its value alone decides, either way: it sounds like a verdict")
            return text % {"share": f"{figures['share']:.0%}"}
        case "one_outcome":
            text = _("Filled in almost only for one outcome: %(rate)s against %(rest)s where it is empty")
            return text % {"rate": f"{figures['rate']:.0%}", "rest": f"{figures['rest']:.0%}"}
    return reason
