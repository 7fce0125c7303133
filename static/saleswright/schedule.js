// Entries of the calendar move by drag or by key, and grow at their lower edge; a refused one jumps back and says why.
import { csrf, refusal, texts, toast } from "./app.js";

const STEP = 15, HOLD = 250, SLACK = 5;
const root = document.querySelector("[data-schedule]");
const pad = (number) => String(number).padStart(2, "0");
const read = (text) => { const [day, at] = text.split("T"), [y, m, d] = day.split("-"), [h, n] = at.split(":"); return Date.UTC(y, m - 1, d, h, n) / 60000; };
const write = (minutes) => { const t = new Date(minutes * 60000); return `${t.getUTCFullYear()}-${pad(t.getUTCMonth() + 1)}-${pad(t.getUTCDate())}T${pad(t.getUTCHours())}:${pad(t.getUTCMinutes())}`; };
const snap = (minutes) => Math.round(minutes / STEP) * STEP;
const perPixel = (column) => ((root.dataset.last - root.dataset.first) * 60) / column.getBoundingClientRect().height;

async function save(slot, start, until) {
  const body = new URLSearchParams({ planned_at: write(start), planned_until: write(until), version: slot.dataset.version });
  const answer = await fetch(`/schedule/${slot.dataset.slot}/move`, {
    method: "POST", body, headers: { "X-CSRFToken": csrf(), "HX-Request": "true", Accept: "text/plain, application/json" },
  }).catch(() => null);
  if (!answer) toast(texts.offline, "error");
  else if (answer.ok) toast((await answer.text()) || texts.moved, answer.status === 204 ? "success" : "warning");
  else toast(refusal(answer.status, answer.headers.get("Content-Type"), await answer.text()), "error");
  await refresh(slot.dataset.slot);
}

// The calendar anew, with the entry that had the focus.
async function refresh(id) {
  const answer = await fetch(root.dataset.here, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-schedule]");
  root.innerHTML = fresh.innerHTML;
  root.dataset.first = fresh.dataset.first;
  root.dataset.last = fresh.dataset.last;
  root.querySelector(`[data-slot="${id}"]`)?.focus();
}

let drag = null;
root.addEventListener("pointerdown", (event) => {
  const slot = event.target.closest("[data-slot]");
  if (!slot || event.button || matchMedia("(max-width: 767.98px)").matches) return;
  const from = { x: event.clientX, y: event.clientY, at: Date.now() };
  drag = { slot, from, resize: !!event.target.closest("[data-grip]"), column: slot.closest("[data-day]"), moved: false, touch: event.pointerType === "touch" };
  slot.setPointerCapture?.(event.pointerId);
});

function times() {
  const { slot, from, resize, column, over, y } = drag;
  const start = read(slot.dataset.start), until = read(slot.dataset.until);
  const days = over ? Math.round((read(`${over.dataset.day}T00:00`) - read(`${column.dataset.day}T00:00`)) / 1440) : 0;
  const by = root.dataset.mode === "month" ? 0 : snap((y - from.y) * perPixel(column));
  if (resize) return [start, Math.max(start + STEP, until + by)];
  return [start + by + days * 1440, until + by + days * 1440];
}

root.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const far = Math.hypot(event.clientX - drag.from.x, event.clientY - drag.from.y) > SLACK;
  if (!drag.moved && far && drag.touch && Date.now() - drag.from.at < HOLD) { drag = null; return; } // that was scrolling
  if (!drag.moved && !far) return;
  drag.moved = true;
  drag.y = event.clientY;
  drag.over = document.elementsFromPoint(event.clientX, event.clientY).map((one) => one.closest("[data-day]")).find(Boolean);
  const box = drag.slot.closest(".grid-slot");
  drag.slot.classList.add("is-moving");
  if (box && drag.resize) box.style.height = `calc(var(--height) + ${event.clientY - drag.from.y}px)`;
  else (box || drag.slot).style.translate = `${event.clientX - drag.from.x}px ${event.clientY - drag.from.y}px`;
  const [start, until] = times();
  drag.slot.querySelector("b").textContent = `${write(start).slice(11)}–${write(until).slice(11)}`;
  event.preventDefault();
});

function drop(event) {
  if (!drag) return;
  const { slot, moved } = drag, [start, until] = moved ? times() : [];
  drag = null;
  if (!moved) return;
  slot.addEventListener("click", (click) => click.preventDefault(), { once: true });
  if (event.type === "pointercancel" || (start === read(slot.dataset.start) && until === read(slot.dataset.until))) refresh(slot.dataset.slot);
  else save(slot, start, until);
}
root.addEventListener("pointerup", drop);
root.addEventListener("pointercancel", drop);
root.addEventListener("dragstart", (event) => event.preventDefault());

root.addEventListener("keydown", (event) => {
  const slot = event.target.closest("[data-slot]");
  if (!slot || !event.altKey) return;
  const day = { ArrowLeft: -1440, ArrowRight: 1440 }[event.key], quarter = { ArrowUp: -STEP, ArrowDown: STEP }[event.key];
  if (!day && !quarter) return;
  event.preventDefault();
  const start = read(slot.dataset.start), until = read(slot.dataset.until);
  if (event.shiftKey && quarter) { if (until + quarter > start) save(slot, start, until + quarter); return; }
  const by = day || quarter;
  save(slot, start + by, until + by);
});

document.querySelector("[data-submits]")?.addEventListener("input", (event) => { if (event.target.value) event.target.form.submit(); });
