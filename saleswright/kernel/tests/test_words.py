"""Sentences that are said to people of different languages."""

from django.utils.translation import gettext_lazy, override

from saleswright.kernel.words import kept_words, read_words, said

REMINDER = gettext_lazy("Reminder: %(title)s")


def test_it_is_said_in_the_language_that_is_active():
    words = said(REMINDER, title="Acme")
    assert str(words) == "Reminder: Acme"
    with override("zh-hans"):
        assert str(words) == "提醒：Acme"


def test_what_is_kept_is_read_in_any_language_its_texts_included():
    kind = gettext_lazy("Leads")
    source, arguments = kept_words(said(REMINDER, title=kind))
    assert source == "Reminder: %(title)s"
    assert read_words(source, arguments, "") == "Reminder: Leads"
    with override("zh-hans"):
        assert read_words(source, arguments, "") == "提醒：线索"


def test_a_plain_text_has_one_language():
    assert kept_words("Hello") == ("", {})
    assert read_words("", {}, "Hello") == "Hello"


def test_a_text_without_places_may_hold_a_percent_sign():
    assert kept_words(gettext_lazy("100% done")) == ("100% done", {})
    assert read_words("100% done", {}, "") == "100% done"
    assert str(said("100% done")) == "100% done"


def test_what_no_longer_fits_is_read_as_it_was_written():
    assert read_words("%(nothing)s", {"title": "Acme"}, "Reminder: Acme") == "Reminder: Acme"
