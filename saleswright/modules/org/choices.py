"""The dictionaries of a fresh installation; what is entered and imported besides stays as it is while they are open."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.errors import Text

#: code, Chinese label, English label
Entries = tuple[tuple[str, str, str], ...]

INDUSTRIES: Entries = (
    ("制造业", "制造业", "Manufacturing"), ("信息技术", "信息技术", "Information technology"),
    ("批发零售", "批发零售", "Wholesale and retail"), ("建筑业", "建筑业", "Construction"),
    ("医疗健康", "医疗健康", "Health care"), ("教育", "教育", "Education"), ("金融", "金融", "Finance"),
    ("能源", "能源", "Energy"), ("交通物流", "交通物流", "Transport and logistics"),
    ("农业食品", "农业食品", "Agriculture and food"), ("文化传媒", "文化传媒", "Culture and media"),
    ("政府与公共服务", "政府与公共服务", "Government and public services"), ("其他", "其他", "Other"),
)  # fmt: skip
CUSTOMER_CLASSES: Entries = (
    ("终端用户", "终端用户", "End user"), ("设备制造商", "设备制造商", "Equipment maker"),
    ("系统集成商", "系统集成商", "System integrator"), ("经销商", "经销商", "Dealer"),
    ("设计院", "设计院", "Design institute"), ("政府与事业单位", "政府与事业单位", "Government and public institution"),
    ("其他", "其他", "Other"),
)  # fmt: skip
UNITS: Entries = (
    ("件", "件", "piece"), ("台", "台", "unit"), ("套", "套", "set"), ("个", "个", "item"), ("箱", "箱", "box"),
    ("千克", "千克", "kg"), ("吨", "吨", "t"), ("米", "米", "m"), ("升", "升", "l"), ("小时", "小时", "hour"),
    ("人天", "人天", "person-day"), ("次", "次", "time"), ("月", "月", "month"), ("年", "年", "year"),
)  # fmt: skip
TAX_RATES: Entries = tuple((rate, f"{rate}%", f"{rate}%") for rate in ("13", "9", "6", "5", "3", "1", "0"))
CURRENCIES: Entries = (
    ("CNY", "人民币", "Chinese yuan"), ("USD", "美元", "US dollar"), ("EUR", "欧元", "Euro"),
    ("HKD", "港元", "Hong Kong dollar"), ("JPY", "日元", "Japanese yen"), ("GBP", "英镑", "Pound sterling"),
)  # fmt: skip

DICTIONARIES: dict[str, tuple[Text, Entries]] = {
    "industries": (_("Industries"), INDUSTRIES),
    "customer-classes": (_("Classes of customers"), CUSTOMER_CLASSES),
    "units": (_("Units"), UNITS),
    "tax-rates": (_("Tax rates"), TAX_RATES),
    "currencies": (_("Currencies"), CURRENCIES),
}
