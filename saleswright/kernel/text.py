"""Chinese and Latin text for search: normal form, pinyin, and the tokens by which records are found.

A token holds only 0-9, a-z or CJK characters, so it stands for itself in SQLite FTS5 (`unicode61`, tokens joined by
blanks) and in a PostgreSQL `text[]` under GIN or `array_to_tsvector`. A query finds a record whose tokens include all
of `query_tokens(q)`; no prefix operator is needed, the prefixes are indexed:

- Chinese: each character and each pair of neighbours; a longer query asks for all its pairs.
- Pinyin and initials: from each of the first PINYIN_CHARACTERS characters on, beginnings of 2 to MAX_LETTERS letters.
- Latin words: beginnings of 2 to MAX_LETTERS letters; words with digits: of 2 to MAX_CODE characters.
- Digits within a word: endings from MIN_ENDING on, so the last four digits of a phone find it.
- Codes and phones divided by marks (SO-2026-0001, 0755-8888 6666): also joined, as one word.

Longer query words are cut to the same lengths: a search may find a little more, never less.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from saleswright.kernel.match_keys import company_key, credit_code_problem, phone_key

__all__ = [
    "bigrams",
    "company_key",
    "credit_code_problem",
    "initials",
    "normalise",
    "phone_key",
    "pinyin_of",
    "query_tokens",
    "search_tokens",
]

MAX_LETTERS = 8
MAX_CODE = 12
MIN_ENDING = 4
PINYIN_CHARACTERS = 16

HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
CJK = HAN + r"\u3041-\u3096\u30a1-\u30fa\uac00-\ud7a3"
CJK_RUN = re.compile(f"[{CJK}]+")
HAN_RUN = re.compile(f"[{HAN}]+")
WORD = re.compile(r"[0-9a-z]+")
CODE = re.compile(r"[0-9a-z]+(?:[-_/.][0-9a-z]+)+")
PHONE = re.compile(r"\+?\(?\d[\d ()-]{5,}\d")
DIGITS = re.compile(rf"\d{{{MIN_ENDING},}}")
LEGAL_FORM = re.compile("(?:有限责任公司|股份有限公司|有限公司|分公司|公司)$")
PHONE_QUERY = re.compile(r"[+]?[0-9 ()-]{7,}")
MOBILE_BEGINNING = re.compile(r"1[3-9]\d{5,9}")

SURNAME_READINGS = {
    "单": "shan",
    "曾": "zeng",
    "解": "xie",
    "查": "zha",
    "仇": "qiu",
    "朴": "piao",
    "区": "ou",
    "翟": "zhai",
    "盖": "ge",
    "缪": "miao",
    "覃": "qin",
    "乐": "yue",
    "尉": "yu",
    "任": "ren",
    "华": "hua",
    "重": "chong",
}
"""Characters read otherwise as a family name; both readings find the person."""
MAX_NAME = 4


def normalise(text: str) -> str:
    """One form for comparing: full-width to half-width (NFKC), case folded, blanks collapsed to one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bigrams(text: str) -> list[str]:
    """The pairs of neighbouring characters, in order; none for a single character."""
    return [text[i : i + 2] for i in range(len(text) - 1)]


def pinyin_of(text: str) -> str:
    """Full pinyin without tones, joined: 重庆银行 is chongqingyinhang; ü is v; other characters stay, normalised."""
    return "".join(_syllables(normalise(text))).replace(" ", "")


def initials(text: str) -> str:
    """First letters of the pinyin, joined: 华为 is hw; Latin letters and digits stay whole."""
    normal = normalise(text)
    return HAN_RUN.sub(lambda run: "".join(s[0] for s in _syllables(run[0])), normal).replace(" ", "")


@lru_cache(maxsize=50_000)
def _syllables(text: str) -> tuple[str, ...]:
    """A syllable for each character, chosen by phrase; runs of other characters stay as one piece."""
    from pypinyin.seg.simpleseg import seg  # 0.2 s to load, and only search and import need it

    return tuple(syllable for phrase in seg(text) for syllable in _phrase_syllables(phrase))


@lru_cache(maxsize=50_000)
def _phrase_syllables(phrase: str) -> tuple[str, ...]:
    """The syllables of one phrase: few phrases make up the names of a hundred thousand companies."""
    from pypinyin import lazy_pinyin

    return tuple(lazy_pinyin(phrase))


def search_tokens(*texts: str) -> set[str]:
    """The tokens by which a record with these texts (name, number, phone, ...) is found."""
    tokens: set[str] = set()
    for text in texts:
        plain = _plain(text)
        for run in CJK_RUN.findall(plain):
            tokens |= _run_tokens(run)
        for word in _words(plain):
            tokens |= _word_tokens(word)
    return tokens


def query_tokens(query: str) -> list[str]:
    """The tokens that a record must all have to be found by what was typed, without repetition; [] finds nothing."""
    if phone := _typed_phone(query):
        return [phone[:MAX_CODE]]
    tokens: list[str] = []
    plain = _plain(query)
    for run in CJK_RUN.findall(plain):
        tokens += bigrams(run) or [run]
    words = [word[: _longest(word)] for word in WORD.findall(plain)]
    tokens += [word for word in words if len(word) > 1]  # one sign may be the beginning of a word, not indexed alone
    return list(dict.fromkeys(tokens or words))


def _plain(text: str) -> str:
    """Normalised, and Latin letters without their accents: é is found by e."""
    decomposed = unicodedata.normalize("NFD", normalise(text))
    return unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", decomposed))


def _longest(word: str) -> int:
    return MAX_LETTERS if word.isalpha() else MAX_CODE


def _words(plain: str) -> Iterator[str]:
    yield from WORD.findall(plain)
    yield from map(phone_key, PHONE.findall(plain))
    for code in CODE.findall(plain):
        if any(character.isdigit() for character in code):
            yield "".join(WORD.findall(code))


@lru_cache(maxsize=10_000)
def _run_tokens(run: str) -> frozenset[str]:
    """Its characters, pairs and pinyin: the names of cities, trades and streets come again and again."""
    return frozenset().union(run, bigrams(run), *map(_pinyin_tokens, HAN_RUN.findall(run)))


def _word_tokens(word: str) -> set[str]:
    tokens = set(_beginnings(word, _longest(word)))
    for digits in DIGITS.findall(word):
        tokens.update(digits[start : start + MAX_CODE] for start in range(len(digits) - MIN_ENDING + 1))
    return tokens


def _beginnings(word: str, longest: int) -> list[str]:
    """Beginnings of 2 to `longest` characters, or the word itself if it is of one."""
    return [word[:length] for length in range(min(2, len(word)), min(longest, len(word)) + 1)]


def _pinyin_tokens(run: str) -> set[str]:
    """Beginnings of pinyin and initials from each character on; a company's legal form is left out."""
    core = (LEGAL_FORM.sub("", run) or run)[:PINYIN_CHARACTERS]
    syllables = _syllables(core)
    readings = [syllables]
    if len(core) <= MAX_NAME and (surname := SURNAME_READINGS.get(core[0])):
        readings.append((surname, *syllables[1:]))
    tokens: set[str] = set()
    for reading in readings:
        for start in range(len(reading)):
            tail = reading[start:]
            tokens.update(_beginnings("".join(tail), MAX_LETTERS))
            tokens.update(_beginnings("".join(s[0] for s in tail), MAX_LETTERS))
    return tokens


def _typed_phone(query: str) -> str:
    """The phone key of a query that is a phone number with country code, or a mobile number with blanks."""
    plain = normalise(query)
    if not PHONE_QUERY.fullmatch(plain):
        return ""
    key = phone_key(plain)
    return key if plain.startswith(("+", "00")) or MOBILE_BEGINNING.fullmatch(key) else ""
