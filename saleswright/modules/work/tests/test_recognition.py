"""What files are, by their content; and how their names are cleaned."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleswright.kernel.errors import ValidationFailed
from saleswright.modules.work.files import recognition
from saleswright.modules.work.files.kinds import KINDS, FileGroup, clean_name
from saleswright.modules.work.files.recognition import recognise
from saleswright.modules.work.tests import samples


def group_of(name, content):
    return recognise(name, io.BytesIO(content))[1]


def refusal_of(name, content):
    with pytest.raises(ValidationFailed) as refused:
        recognise(name, io.BytesIO(content))
    (error,) = refused.value.errors
    assert (error.field, error.code) == ("file", "invalid")
    return str(error.message)


@pytest.mark.parametrize(
    ("name", "content", "group"),
    [
        ("a.PDF", b"%PDF-1.7 contract", "pdf"),
        ("发票.ofd", samples.zipped(OFD_DOT_xml=b"<ofd:OFD/>"), "pdf"),
        ("a.png", samples.image("PNG"), "image"),
        ("a.jpg", samples.image("JPEG"), "image"),
        ("a.gif", samples.image("GIF"), "image"),
        ("a.webp", samples.image("WEBP"), "image"),
        ("a.bmp", samples.image("BMP"), "image"),
        ("a.tif", samples.image("TIFF"), "image"),
        ("a.heic", b"\x00\x00\x00\x18ftypheic\x00", "image"),
        ("a.docx", samples.office(samples.WORD), "office"),
        ("a.xlsx", samples.office(samples.SHEET), "office"),
        ("secret.docx", samples.old_office("EncryptedPackage"), "office"),
        ("a.ods", samples.zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "office"),
        ("a.doc", samples.old_office("WordDocument"), "office"),
        ("a.xls", samples.old_office("Workbook"), "office"),
        ("a.et", samples.old_office("Workbook"), "office"),
        ("a.xlsm", samples.office(samples.MACRO_SHEET, xl__vbaProject_DOT_bin=b"x"), "macro"),
        ("a.xls", samples.old_office("Workbook", "_VBA_PROJECT"), "macro"),
        ("a.odt", samples.zipped(mimetype=b"application/vnd.oasis.opendocument.text", Basic__x=b""), "macro"),
        ("a.csv", "名称,金额".encode("gb18030"), "text"),
        ("a.txt", "x".encode("utf-16"), "text"),
        ("a.mp4", b"\x00\x00\x00\x18ftypisom", "media"),
        ("a.dwg", b"AC1032", "drawing"),
        ("a.zip", samples.zipped(readme_DOT_txt=b"hello"), "archive"),
    ],
)
def test_it_recognises_the_usual_kinds(name, content, group):
    assert group_of(name, content) == FileGroup(group)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.exe", b"MZ\x90"),
        ("page.html", b"<html>"),
        ("drawing.svg", b"<svg/>"),
        ("none", b"text"),
        ("contract.pdf.js", b"alert(1)"),
        (".pdf.lnk", b"L\x00\x00\x00"),
    ],
)
def test_it_takes_no_kinds_that_it_does_not_know(name, content):
    assert refusal_of(name, content).startswith("Files of this kind are not taken; these are: pdf, ofd, png")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"MZ\x90\x00"),
        ("a.pdf", samples.image("PNG")),
        ("a.png", b"<html>"),
        ("a.png", b"\x89PNG\r\n\x1a\n..."),
        ("a.jpg", samples.image("PNG")),
        ("a.webp", b"RIFF\x00\x00\x00\x00WAVE"),
        ("a.csv", b"a\x00b"),
        ("late.txt", b"a" * 5000 + b"\x00"),
        ("a.docx", samples.office(samples.SHEET)),
        ("a.docx", samples.zipped(readme=b"hello")),
        ("a.docx", samples.old_office("WordDocument")),
        ("a.xlsm", samples.old_office("EncryptedPackage")),
        ("a.xlsm", samples.office(samples.SHEET)),
        ("a.odt", samples.zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet")),
        ("a.ofd", samples.zipped(readme=b"hello")),
        ("setup.doc", samples.old_office("MsiPatch")),
        ("a.xls", b"MZ"),
        ("a.mp4", b"\x00\x00\x00\x18ftypheic"),
        ("a.zip", b"%PDF-1.7"),
    ],
)
def test_it_refuses_content_that_is_not_what_the_name_says(name, content):
    assert refusal_of(name, content) == "The content is not what the file's name says."


@pytest.mark.parametrize(
    "content", [b"#!/bin/sh\n", b"MZ\x90", b"<?php x", b" <SCRIPT>", b"\xef\xbb\xbf<svg/>", b"@echo off"]
)
def test_it_refuses_programs_and_pages_that_call_themselves_text(content):
    assert "not taken, whatever their name" in refusal_of("notes.txt", content)


def test_it_refuses_a_page_in_another_encoding():
    assert "not taken, whatever their name" in refusal_of("notes.txt", "<html>".encode("utf-16"))


def test_it_refuses_macros_that_hide_behind_the_name_of_a_plain_document():
    hidden = samples.office(samples.WORD, word__vbaProject_DOT_bin=b"x")
    assert refusal_of("a.docx", hidden) == "The document has macros: its name must say so (.docm, .xlsm, .pptm)."


def test_it_refuses_archives_with_programs():
    content = samples.zipped(a_DOT_txt=b"x", tools__Setup_DOT_EXE=b"MZ")
    assert refusal_of("a.zip", content) == "The archive holds “tools/Setup.EXE”: programs and scripts are not taken."
    assert "not taken" in refusal_of("a.zip", samples.zipped(**{"META-INF__MANIFEST_DOT_MF": b"x"}))


def test_it_refuses_empty_and_damaged_files():
    assert refusal_of("a.txt", b"") == "The file is empty."
    whole = samples.office(samples.WORD)
    assert refusal_of("a.docx", whole[:-30]) == "The file is damaged, or not what its name says."
    broken = whole[:40] + b"\xff" * 20 + whole[60:]
    assert "damaged" in refusal_of("a.docx", broken)


def test_it_refuses_zip_bombs(monkeypatch):
    monkeypatch.setattr(recognition, "RATIO_FROM", 1 << 20)
    assert refusal_of("a.zip", samples.zipped(zeros=bytes(4 << 20))) == (
        "The file gets far too large when it is unpacked."
    )
    assert refusal_of("a.docx", samples.office(samples.WORD, zeros=bytes(4 << 20))).startswith("The file gets far")


def test_it_refuses_archives_of_too_many_entries_or_overlapping_ones(monkeypatch):
    content = samples.zipped(a=b"x", b=b"y")
    monkeypatch.setattr(recognition, "MOST_ENTRIES", 1)
    assert "far too large" in refusal_of("a.zip", content)
    monkeypatch.undo()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"x" * 1000)
        first = archive.infolist()[0]
        archive.filelist += [first] * 50  # the same content named again and again
    assert "far too large" in refusal_of("a.zip", file.getvalue())


def test_it_refuses_images_of_absurd_size():
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    for side in (12_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
        assert refusal_of("a.png", bomb) == "The image has too many pixels; at most 120 million."


@given(st.binary(max_size=300), st.sampled_from(sorted(KINDS)))
def test_it_answers_any_content_with_a_kind_or_a_refusal(content, ending):
    try:
        kind, _group = recognise(f"a.{ending}", io.BytesIO(content))
        assert kind is KINDS[ending]
    except ValidationFailed:
        pass


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("合同 (终稿).pdf", "合同 (终稿).pdf"),
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("bill\u202efdp.exe", "billfdp.exe"),
        ("a\x00b\n.pdf", "ab.pdf"),
        ("  ..a.pdf. ", "a.pdf"),
        ('a<b>:"c"|d?*.pdf', "a_b___c__d__.pdf"),
        ("CON.txt", "_CON.txt"),
        ("nul", "_nul"),
        ("e\u0301.pdf", "é.pdf"),
        ("\u200b", ""),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_it_cleans_names(given_name, kept):
    assert clean_name(given_name) == kept
