"""Files of a record: dropped, pasted, taken with the phone's camera, refused, looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.desk import Desk
from tests.browser.test_dialogs import first_id

Seat = Callable[..., Desk]
#: hands a page a file as the system would: by drag and drop, or out of the clipboard
GIVE = """([kind, name, type, bytes]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const event = kind === "drop"
    ? new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def picture(colour: str, kind: str) -> bytes:
    """A small picture of one colour; as PDF it is a page."""
    stream = BytesIO()
    Image.new("RGB", (64, 48), colour).save(stream, kind)
    return stream.getvalue()


def test_files_are_dropped_pasted_refused_and_looked_at(desk: Seat) -> None:
    seller = desk("lina")
    page = seller.open("/customers")
    page = seller.open(f"/customers/{first_id(page)}")
    files = page.locator(".file-list li")
    page.evaluate(GIVE, ["drop", "厂房.png", "image/png", list(picture("navy", "PNG"))])
    expect(files).to_have_count(1)
    page.evaluate(GIVE, ["paste", "名片.jpg", "image/jpeg", list(picture("teal", "JPEG"))])
    expect(files).to_have_count(2)
    chosen = page.locator("[data-file-input][multiple]")
    chosen.set_input_files(FilePayload(name="报价.pdf", mimeType="application/pdf", buffer=picture("white", "PDF")))
    expect(files).to_have_count(3)
    chosen.set_input_files(FilePayload(name="setup.exe", mimeType="application/octet-stream", buffer=b"MZ\x90\0" * 64))
    refused = page.locator("[data-sending] > li")
    expect(refused).to_contain_text("setup.exe")
    expect(refused.locator("p")).not_to_be_empty()
    expect(files).to_have_count(3)
    expect(page.locator(".history")).to_contain_text("报价.pdf")

    page.locator(".file", has_text="报价.pdf").click()
    stage = page.locator("#viewer [data-page-picture]")
    expect(page.locator("#viewer-title")).to_have_text("报价.pdf")
    expect(stage).to_have_js_property("complete", True)
    assert stage.evaluate("image => image.naturalWidth") > 0
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-title")).not_to_have_text("报价.pdf")
    expect(stage).to_have_attribute("src", re.compile(r"/attachments/\d+/page/1"))
    expect(stage).to_have_js_property("complete", True)
    assert stage.evaluate("image => image.naturalWidth") > 0
    seller.picture("viewer")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).not_to_be_visible()


def test_a_phone_offers_its_camera(desk: Seat) -> None:
    seller = desk("lina", phone=True)
    page = seller.open("/customers?ordering=name")
    page = seller.open(f"/customers/{first_id(page)}")
    camera = page.locator(".files-camera")
    expect(camera).to_be_visible()
    expect(camera.locator("input")).to_have_attribute("capture", "environment")
    shot = FilePayload(name="现场.jpg", mimeType="image/jpeg", buffer=picture("olive", "JPEG"))
    camera.locator("input").set_input_files(shot)
    expect(page.locator(".file", has_text="现场.jpg")).to_be_visible()
