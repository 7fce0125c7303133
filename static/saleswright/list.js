// Keyboard and ticked rows of a list; works on whatever table is in the page at the moment.
import { texts, typing } from "./app.js";

const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
const active = () => document.querySelector("[data-rows] tr.is-active");

function go(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(active());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  active()?.classList.remove("is-active");
  next.classList.add("is-active");
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) && !event.target.matches("[type=checkbox]")) return;
  if (document.querySelector("dialog[open], .offcanvas.show")) return;
  const row = active();
  if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key === "e" && row) location.href = `${row.dataset.url.replace(/\/$/, "")}/edit`;
  else if (event.key === "x" && row) row.querySelector("[name=id]")?.click();
  else if (event.key === "Enter" && row && event.target === document.body) location.href = row.dataset.url;
});

let last = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-rows] [name=id]");
  if (box && event.shiftKey && last) {
    const boxes = [...document.querySelectorAll("[data-rows] [name=id]")];
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((other) => { other.checked = box.checked; });
    showBulk();
  }
  if (box) last = box;
  if (event.target.closest("[data-untick]")) tickAll(false);
});

function tickAll(on) {
  document.querySelectorAll("[data-rows] [name=id]").forEach((box) => { box.checked = on; });
  showBulk();
}

function showBulk() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const boxes = [...document.querySelectorAll("[data-rows] [name=id]")];
  const count = boxes.filter((box) => box.checked).length;
  bar.hidden = !count;
  bar.querySelector("[data-bulk-count]").textContent = texts.selected.replace("%(count)s", count);
  const all = document.querySelector("[data-all]");
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) tickAll(event.target.checked);
  else if (event.target.matches("[data-rows] [name=id]")) showBulk();
});
showBulk();
