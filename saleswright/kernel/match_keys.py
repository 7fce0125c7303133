"""Keys by which two entries are seen to be the same company, phone or registration."""

import re
import unicodedata

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.errors import Text

PROVINCES = (
    "北京|天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|"
    "重庆|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆|香港|澳门|台湾"
)
CITIES = (
    "石家庄|唐山|秦皇岛|邯郸|邢台|保定|张家口|承德|沧州|廊坊|衡水|太原|阳泉|晋城|朔州|运城|忻州|临汾|吕梁|呼和浩特|包头|赤峰|通辽|鄂尔多斯|沈阳|大连|鞍山|抚顺|本溪|丹东|锦州|营口|阜新|"
    "辽阳|盘锦|铁岭|葫芦岛|长春|四平|通化|哈尔滨|齐齐哈尔|大庆|佳木斯|牡丹江|南京|无锡|徐州|常州|苏州|南通|连云港|淮安|盐城|扬州|镇江|泰州|宿迁|杭州|宁波|温州|嘉兴|湖州|绍兴|金华|衢州|"
    "舟山|台州|丽水|合肥|芜湖|蚌埠|淮南|马鞍山|淮北|铜陵|安庆|滁州|阜阳|宿州|六安|亳州|池州|宣城|福州|厦门|莆田|泉州|漳州|南平|龙岩|宁德|南昌|景德镇|萍乡|九江|新余|鹰潭|赣州|宜春|抚州|"
    "上饶|济南|青岛|淄博|枣庄|烟台|潍坊|济宁|威海|临沂|德州|聊城|滨州|菏泽|郑州|开封|洛阳|平顶山|安阳|鹤壁|新乡|焦作|濮阳|许昌|漯河|三门峡|南阳|商丘|信阳|周口|驻马店|武汉|黄石|十堰|宜昌|"
    "襄阳|鄂州|荆门|孝感|荆州|黄冈|咸宁|随州|长沙|株洲|湘潭|衡阳|邵阳|岳阳|常德|张家界|益阳|郴州|永州|怀化|娄底|广州|韶关|深圳|珠海|汕头|佛山|江门|湛江|茂名|肇庆|惠州|梅州|汕尾|河源|"
    "阳江|清远|东莞|潮州|揭阳|云浮|南宁|柳州|桂林|梧州|北海|钦州|贵港|玉林|百色|贺州|河池|崇左|海口|三亚|成都|攀枝花|泸州|德阳|绵阳|广元|遂宁|内江|乐山|南充|眉山|宜宾|广安|达州|雅安|"
    "巴中|资阳|贵阳|六盘水|遵义|安顺|毕节|铜仁|昆明|曲靖|玉溪|保山|昭通|丽江|普洱|临沧|拉萨|西安|铜川|咸阳|渭南|延安|汉中|榆林|商洛|兰州|嘉峪关|武威|张掖|酒泉|庆阳|定西|西宁|银川|石嘴山|"
    "吴忠|乌鲁木齐|克拉玛依"
)
"""Prefectures, without those whose name is as well a word or a brand (阿里, 大同, 白银, 中山, 朝阳)."""

PROVINCE_PREFIX = re.compile(rf"(?:{PROVINCES})(?:(?:壮族|回族|维吾尔)?自治区|特别行政区|省|市(?![场政民值容]))?")
CITY_PREFIX = re.compile(
    rf"(?:{CITIES})(?:市(?![场政民值容]))?"
    r"|[一-鿿]{2,4}?市(?![场政民值容])"
)
BRACKETED_PLACE = re.compile(rf"\((?:中国|{PROVINCES}|{CITIES})[省市]?\)")
CHINESE_FORM = re.compile(
    r"(?:\(?(?:集团|控股)\)?)?(?:股份有限公司|有限责任公司|有限公司|股份公司|总公司|公司|\(?有限合伙\)?|\(?集团\)?)$"
)
ENGLISH_FORM = re.compile(
    r"[\s,.]+(?:ltd|limited|co|company|inc|incorporated|corp|corporation|llc|llp|plc|gmbh|ag|kg|sa|sarl|bv|nv|pte|pty|"
    r"group|holdings)[\s,.]*$"
)
NOT_LETTERS = re.compile(r"[\W_]+")
GENERIC_NAME = re.compile(
    "(?:农村|商业|农商|信用|银行|机场|港口|港务|地铁|轨道|公共|公交|交通|燃气|热力|自来水|水务|电力|供电|城市|城乡|建设|投资|"
    "航空|航运|保险|证券|信托|石化|石油|化工|钢铁|机械|制造|制药|医药|食品|酒店|教育|传媒|出版|广播|电视|师范|理工|学院|"
    "发展|开发|经营|国有|资产|资本|运营|控股|集团|烟草|人民|医院|大学|日报|旅游|文化|实业|贸易|科技|信息|技术|网络|电子|"
    "商贸|工程|建筑|房地产|置业|物业|管理|服务)*.?"
)
"""What is left of a name such as 北京银行 or 上海机场 without its place says nothing: there the place belongs to it."""

CREDIT_CODE_LENGTH = 18
CREDIT_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
EXTENSION = re.compile(r"(?:转|分机|ext\.?|x|#).*$")
LANDLINE_DIGITS = (10, 11)


def company_key(name: str) -> str:
    """The name without what varies between entries of one company: width, case, blanks, punctuation, legal form,
    leading province or city, place in brackets. Companies with equal keys are taken for the same (LEAD-03).
    """
    normal = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    core = _repeatedly(ENGLISH_FORM, normal)
    core = BRACKETED_PLACE.sub("", core.replace("【", "(").replace("】", ")"))
    core = _repeatedly(CHINESE_FORM, core.replace(" ", "") if _is_chinese(core) else core)
    core = NOT_LETTERS.sub("", _without_region(core))
    return core or NOT_LETTERS.sub("", normal)


def _repeatedly(pattern: re.Pattern[str], text: str) -> str:
    """The text without the ending, as often as it is there, but never without anything left."""
    while (shorter := pattern.sub("", text)) != text and shorter.strip():
        text = shorter
    return text


def _is_chinese(text: str) -> bool:
    return bool(re.search("[一-鿿]", text))


def _without_region(name: str) -> str:
    core = name
    for prefix in (PROVINCE_PREFIX, CITY_PREFIX):
        if match := prefix.match(core):
            core = core[match.end() :]
    return name if len(core) < 2 or GENERIC_NAME.fullmatch(core) else core


def phone_key(phone: str) -> str:
    """The digits, without the country code of China (+86, 0086, 86) and without an extension.

    A landline given with country code gets its trunk zero back: +86 755 8888 6666 is 075588886666. Other countries'
    numbers keep their code.
    """
    text = EXTENSION.sub("", unicodedata.normalize("NFKC", phone).casefold())
    digits = re.sub(r"\D", "", text)
    for code in ("0086", "86"):
        national = digits.removeprefix(code)
        if national != digits and (len(national) >= min(LANDLINE_DIGITS) or text.strip().startswith(("+", "00"))):
            return _with_trunk_zero(national)
    return digits


def _with_trunk_zero(national: str) -> str:
    """0 before an area code; not before mobile numbers (1...), service numbers (400, 800) or a 0 already there."""
    is_landline = len(national) in LANDLINE_DIGITS and not national.startswith(("0", "1", "400", "800"))
    is_beijing = len(national) == min(LANDLINE_DIGITS) and national.startswith("10")
    return "0" + national if is_landline or is_beijing else national


def credit_code_problem(code: str) -> Text | None:
    """What is wrong with a unified social credit code 统一社会信用代码 by GB 32100-2015; None if nothing."""
    text = unicodedata.normalize("NFKC", code).strip().upper()
    if len(text) != CREDIT_CODE_LENGTH:
        return format_lazy(_("A unified social credit code has 18 characters, not {count}"), count=len(text))
    for position, character in enumerate(text, start=1):
        if character not in CREDIT_CODE_ALPHABET:
            return format_lazy(
                _("“{character}” at place {position} can't occur in a unified social credit code"),
                character=character,
                position=position,
            )
    if not text[2:8].isdigit():
        return _("Places 3 to 8 of a unified social credit code are the digits of the region")
    if text[-1] != _check_character(text[:-1]):
        return _("The last character of the unified social credit code doesn't fit the others: look for a slip")
    return None


def _check_character(body: str) -> str:
    """GB 32100-2015: weights 3 to the power of the place from 0, modulo 31."""
    total = sum(CREDIT_CODE_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return CREDIT_CODE_ALPHABET[-total % 31]
