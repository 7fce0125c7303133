"""What people do all day: search, views, columns, bulk, import, export, language, theme; and what is kept from them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from saleswright.kernel.text import initials
from tests.browser.desk import Desk

Seat = Callable[..., Desk]


def test_the_palette_finds_a_customer_by_the_initials_of_its_pinyin(desk: Seat) -> None:
    seller = desk("zhaolei")
    page = seller.open("/customers")
    first = page.locator("[data-rows] .k-first a").first
    name, address = first.inner_text(), first.get_attribute("href")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-input")).to_be_focused()
    page.keyboard.type(initials(name))
    hit = page.locator(f"#palette [data-hit][href='{address}']")
    expect(hit).to_be_visible()
    while "is-active" not in (hit.get_attribute("class") or ""):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{address}$"))
    expect(page.locator("h1")).to_contain_text(name)


def test_a_view_is_saved_with_its_filter_and_deleted_again(desk: Seat) -> None:
    seller = desk("lina")
    page = seller.open("/customers?level=B")
    expect(page.locator(".chip")).to_have_count(1)
    page.locator("[data-open='save-view']").click()
    page.fill("#view-name", "重点客户")
    page.locator("#save-view .btn-primary").click()
    view = page.locator(".views a[aria-current]")
    expect(view).to_contain_text("重点客户")
    seller.open("/customers")
    page.locator(".views a", has_text="重点客户").click()
    expect(page.locator(".chip")).to_have_count(1)
    assert set(page.locator("[data-rows] .k-badge:nth-of-type(3)").all_inner_texts()) <= {"B 重要"}
    page.locator(".views form button").click()
    page.locator("dialog[open] .btn-danger").click()
    expect(page.locator(".views a", has_text="重点客户")).to_have_count(0)


def test_the_columns_are_those_that_were_chosen(desk: Seat) -> None:
    page = desk("lina").open("/customers")
    menu = page.locator(".column-menu")
    page.locator(".dropdown:has(.column-menu) > button").click()
    menu.locator("[value=code]").uncheck()
    menu.locator("[value=province]").check()
    menu.locator(".btn-primary").click()
    heads = page.locator("[data-rows] thead")
    expect(heads).to_contain_text("省份")
    expect(heads).not_to_contain_text("编码")


def test_several_records_are_archived_after_a_preview(desk: Seat) -> None:
    operator = desk("chensiyuan")
    page = operator.open("/leads?status=disqualified")
    boxes = page.locator("[data-rows] [name=id]")
    numbers = [boxes.nth(place).get_attribute("value") for place in (0, 1)]
    boxes.nth(0).check()
    boxes.nth(1).check()
    expect(page.locator("[data-bulk-count]")).to_contain_text("2")
    page.locator("[data-bulk] [formaction$='/bulk/archive']").click()
    expect(page.locator(".outcome.tone-green")).to_have_count(2)
    page.locator(".form-foot button").click()
    operator.settle()
    page = operator.open("/leads?status=disqualified")
    left = [box.get_attribute("value") for box in boxes.all()]
    assert not set(numbers) & set(left)
    operator.open(f"/leads/{numbers[0]}")
    expect(page.locator("h1")).to_contain_text("已归档")


def test_a_file_is_imported_but_for_its_bad_row(desk: Seat, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    good, bad = "无锡晨星包装有限公司,方晴,13900001111,80000", "常州曙光电子有限公司,石磊,13900002222,很多"
    file.write_text(f"公司,联系人,电话,预算\n{good}\n{bad}\n", encoding="utf-8")
    seller = desk("sunmin")
    page = seller.open("/leads/import")
    page.locator("input[type=file]").set_input_files(file)
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("2.")
    expect(page.locator("select[name='column.0']")).to_have_value("company")
    page.locator(".form-foot .btn-primary").click()
    figures = page.locator(".figures dd")
    expect(figures).to_have_text(["2", "1", "0", "1"])
    expect(page.locator(".record-form .sheet")).to_contain_text("3")
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator(".card-head h2")).to_have_text("导入结果")
    expect(figures).to_have_text(["2", "1", "0", "1"])
    with page.expect_download() as errors:
        page.locator("a[download]").click()
    assert errors.value.suggested_filename == "leads-errors.xlsx"
    page = seller.open("/leads?q=晨星包装")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    page = seller.open("/leads?q=曙光电子有限公司")
    expect(page.locator(".empty-state")).to_be_visible()


def test_an_export_holds_the_filtered_rows(desk: Seat) -> None:
    page = desk("chensiyuan").open("/customers?level=A")
    expect(page.locator(".totals")).to_be_visible()
    count = int(re.sub(r"\D", "", page.locator(".totals dd").first.inner_text()))
    page.locator(".dropdown:has([download]) > button").click()
    with page.expect_download() as taken:
        page.locator("[download][href*='format=csv']").click()
    lines = taken.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("名称,")
    assert len(lines) == count + 1


def test_a_representative_meets_a_404_for_another_ones_customer(desk: Seat) -> None:
    page = desk("chensiyuan").open("/customers?ordering=name")
    foreign = page.locator("[data-rows] tr:has-text('罗佳怡')").first.get_attribute("data-url")
    assert foreign
    seller = desk("wangfang")
    answer = seller.page.goto(foreign)
    assert answer
    assert answer.status == 404
    expect(seller.page.locator(".error-code")).to_have_text("404")
    seller.page.locator(".blank-card .btn-primary").click()
    expect(seller.page).to_have_url(re.compile(r"/$"))
    seller.open("/customers?limit=200")
    assert set(seller.page.locator("[data-rows] .k-person").all_inner_texts()) == {"王\n王芳"}


def test_five_wrong_passwords_lock_the_door(desk: Seat) -> None:
    stranger = desk("")
    page = stranger.open("/sign-in")
    for _attempt in range(5):
        page.fill("#username", "gaogang")
        page.fill("#password", "wrong")
        page.locator("#password").press("Enter")
        stranger.settle()
        expect(page.locator(".alert-box")).to_be_visible()
        expect(page.locator("#username")).to_have_value("gaogang")
    expect(page.locator(".alert-box")).to_contain_text("15")


def test_nothing_typed_is_lost_by_an_error_or_by_leaving(desk: Seat) -> None:
    seller = desk("lina")
    page = seller.open("/customers/new")
    page.fill("[name=name]", "")
    page.fill("[name=address]", "工业园区 8 号")
    page.fill("[name=website]", "没有网址")
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator(".alert-box[role=alert]")).to_be_visible()
    expect(page.locator(".field:has([name=name]) .field-error")).to_be_visible()
    expect(page.locator("[name=address]")).to_have_value("工业园区 8 号")
    expect(page.locator("[name=website]")).to_have_value("没有网址")
    page.fill("[name=name]", "草稿公司")
    page.wait_for_timeout(600)  # until the browser has kept it
    seller.open("/")
    page = seller.open("/customers/new")
    expect(page.locator("[name=name]")).to_have_value("")
    page.locator("[data-draft-note] .btn").first.click()
    expect(page.locator("[name=name]")).to_have_value("草稿公司")
    expect(page.locator("[name=address]")).to_have_value("工业园区 8 号")


def test_it_speaks_english_when_asked(desk: Seat) -> None:
    seller = desk("tangyi")
    page = seller.open("/quotes")
    expect(page.locator("h1")).to_have_text("报价单")
    page.locator(".top .language button[value=en]").first.click()
    expect(page.locator("h1")).to_have_text("Quotes")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    seller.open("/opportunities/board")
    seller.picture("board-english")
    page.locator(".top .language button[value='zh-hans']").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_the_theme_goes_from_light_to_dark_and_stays(desk: Seat) -> None:
    seller = desk("lina")
    page = seller.open("/")
    page.locator(".top-tools > [data-theme-switch]").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    seller.open("/customers")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
