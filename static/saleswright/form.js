// Forms that lose nothing: drafts in the browser, inline lines, dropped files.
import { prepare, texts } from "./app.js";

// Lines
const bodyOf = (form) => form.querySelector("tbody");
function addLine(form) {
  const next = 1 + Math.max(-1, ...[...form.querySelectorAll("tbody [name]")].map((field) => Number(/-(\d+)-/.exec(field.name)?.[1] ?? -1)));
  const holder = document.createElement("tbody");
  holder.innerHTML = form.querySelector("template").innerHTML.replaceAll("__n__", next);
  const row = holder.querySelector("tr");
  bodyOf(form).append(row);
  const total = document.querySelector(`[name="${CSS.escape(form.dataset.lines)}-TOTAL_FORMS"]`);
  if (total) total.value = Math.max(Number(total.value), next + 1);
  prepare(row);
  row.querySelectorAll("[name]").forEach(noteOurs);
  return row;
}
function changed(form) { form.dispatchEvent(new Event("input", { bubbles: true })); }

document.addEventListener("click", (event) => {
  const form = event.target.closest("[data-lines]");
  if (!form) return;
  if (event.target.closest("[data-add-line]")) addLine(form).querySelector("input:not([type=hidden]), select")?.focus();
  const remove = event.target.closest("[data-remove-line]");
  if (!remove) return;
  const row = remove.closest("tr");
  const mark = row.querySelector("[name$='-DELETE']");
  if (mark) { mark.type === "checkbox" ? (mark.checked = true) : (mark.value = "1"); row.hidden = true; } else row.remove();
  form.querySelector("[data-add-line]").focus();
  changed(form);
});
document.addEventListener("keydown", (event) => {
  const grip = event.target.closest?.("[data-grip]");
  if (!grip || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const row = grip.closest("tr");
  event.key === "ArrowUp" ? row.previousElementSibling?.before(row) : row.nextElementSibling?.after(row);
  grip.focus();
  changed(row.closest("[data-lines]"));
});
for (const form of document.querySelectorAll("[data-lines]")) {
  if (window.Sortable) window.Sortable.create(bodyOf(form), { handle: "[data-grip]", animation: 120, onEnd: () => changed(form) });
}

// Filling in: what the page put into a field may be overwritten by it, what was typed never
const ours = new WeakMap();
const valueOf = (field) => (field.type === "checkbox" ? String(field.checked) : field.value);
const isOpen = (field) => field.type === "hidden" || valueOf(field) === "" || ours.get(field) === valueOf(field);
function noteOurs(field) { ours.set(field, valueOf(field)); }
function put(field, { value, label }) {
  if (field.tagName === "SELECT") restoreSelect(field, value === "" ? [] : [[String(value), label]]);
  else if (field.type === "checkbox") field.checked = value;
  else field.value = value;
  noteOurs(field);
}
function putLines(part, rows) {
  for (const row of [...bodyOf(part).rows]) if ([...row.querySelectorAll("[name]")].every(isOpen)) row.remove();
  for (const values of rows) {
    const row = addLine(part);
    for (const [name, one] of Object.entries(values)) put(row.querySelector(`[name$="-${CSS.escape(name)}"]`), one);
  }
  if (!bodyOf(part).rows.length) addLine(part);
}
async function fillFrom(source) {
  const form = source.form, address = new URL(source.dataset.fills, location.href);
  address.searchParams.set(source.name, source.value);
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || address.searchParams.get(source.name) !== source.value) return; // chosen anew meanwhile
  const { fields, lines } = await answer.json();
  for (const [name, one] of Object.entries(fields)) {
    const field = form.elements[name], by = field?.dataset.by;
    const fits = !(by in fields) || isOpen(form.elements[by]) || form.elements[by].value === String(fields[by].value);
    if (!field || !isOpen(field) || !fits) continue;
    put(field, one);
    field.dataset.filledBy = source.name;
    refreshFollowers(field, false);
  }
  for (const [name, rows] of Object.entries(lines)) putLines(form.querySelector(`[data-lines="${CSS.escape(name)}"]`), rows);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}
// Pickers that follow a field offer something else once it changes; what was chosen in them fits no longer
function refreshFollowers(field, empty = true) {
  for (const select of field.form.querySelectorAll(`select[data-by="${CSS.escape(field.name)}"]`)) {
    const box = select.tomselect;
    if (empty) box ? box.clear(true) : (select.value = "");
    box?.clearOptions((option) => box.items.includes(String(option.id ?? option.value)));
    box?.wrapper.classList.remove("preloaded");
  }
}
document.addEventListener("input", (event) => {
  const source = event.target;
  if (!source.matches("form.record-form select[name]")) return;
  delete source.dataset.filledBy;
  refreshFollowers(source);
  if (source.dataset.fills && source.value) fillFrom(source);
});

// Drafts
const skipped = new Set(["csrfmiddlewaretoken", "password", "file_token"]);
function read(form) {
  const fields = [...form.querySelectorAll("[name]")].filter((field) => !skipped.has(field.name) && field.type !== "file" && field.type !== "hidden" && field.type !== "password");
  const values = fields.map((field) => {
    if (field.type === "checkbox" || field.type === "radio") return [field.name, field.value, field.checked];
    if (field.tagName === "SELECT") return [field.name, [...field.selectedOptions].map((option) => [option.value, option.textContent])];
    return [field.name, field.value];
  });
  const lines = [...form.querySelectorAll("[data-lines]")].map((part) => [part.dataset.lines, part.querySelectorAll("tbody tr").length]);
  return { values, lines };
}
function write(form, draft) {
  for (const [name, count] of draft.lines) {
    const part = form.querySelector(`[data-lines="${CSS.escape(name)}"]`);
    while (part && part.querySelectorAll("tbody tr").length < count) addLine(part);
  }
  for (const [name, value, checked] of draft.values) {
    const fields = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
    if (checked !== undefined) fields.filter((field) => field.value === value).forEach((field) => { field.checked = checked; });
    else if (Array.isArray(value)) fields.forEach((field) => restoreSelect(field, value));
    else fields.forEach((field) => { field.value = value; });
  }
}
function restoreSelect(select, chosen) {
  for (const [value, label] of chosen) {
    if (![...select.options].some((option) => option.value === value)) select.add(new Option(label, value));
    select.tomselect?.addOption({ id: value, label });
  }
  const values = chosen.map(([value]) => value);
  [...select.options].forEach((option) => { option.selected = values.includes(option.value); });
  select.tomselect?.setValue(select.multiple ? values : values[0] ?? "", true);
}
function offer(form, kept) {
  const note = form.querySelector("[data-draft-note]");
  if (!note) { write(form, kept); return; }
  const time = new Date(kept.at).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  const box = Object.assign(document.createElement("div"), { className: "alert-box tone-yellow" });
  const text = Object.assign(document.createElement("span"), { textContent: texts.draft.replace("%(time)s", time) });
  const button = (label, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: label });
    made.addEventListener("click", () => { act(); note.hidden = true; });
    return made;
  };
  box.append(text, button(texts.restore, () => write(form, kept)), button(texts.discard, () => localStorage.removeItem(form.dataset.draft)));
  note.append(box);
  note.hidden = false;
}
for (const form of document.querySelectorAll("form[data-draft]")) {
  const key = form.dataset.draft;
  if ("hasErrors" in form.dataset) sessionStorage.removeItem("sent"); // refused, so the draft is still needed
  if (/:new:/.test(key) && !("hasErrors" in form.dataset)) form.querySelectorAll("[name]").forEach(noteOurs);
  const first = JSON.stringify(read(form));
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(key)); } catch { localStorage.removeItem(key); }
  if (kept && !("hasErrors" in form.dataset) && JSON.stringify({ values: kept.values, lines: kept.lines }) !== first) offer(form, kept);
  let waiting;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      try { localStorage.setItem(key, JSON.stringify({ ...read(form), at: Date.now() })); } catch { /* storage full or off */ }
    }, 400);
  });
  form.addEventListener("submit", () => { clearTimeout(waiting); sessionStorage.setItem("sent", key); });
}
// Enter in a one-line field goes on to the next field; Ctrl-Enter saves.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form.record-form");
  if (!form || event.key !== "Enter" || event.isComposing) return;
  if (event.ctrlKey || event.metaKey) { form.requestSubmit(); return; }
  if (!event.target.matches("input:not([type=submit], [type=file]), select") || event.target.closest(".ts-wrapper")) return;
  event.preventDefault();
  const fields = [...form.querySelectorAll("input:not([type=hidden]), select:not(.tomselected), textarea, .form-foot button")].filter((field) => !field.disabled && field.offsetParent);
  fields[fields.indexOf(event.target) + 1]?.focus();
});
document.querySelector(".is-invalid")?.scrollIntoView({ block: "center" });

// Files
for (const zone of document.querySelectorAll("[data-dropzone]")) {
  const input = zone.querySelector("input");
  const show = () => { if (input.files.length) zone.querySelector("[data-file-name]").textContent = input.files[0].name; };
  input.addEventListener("change", show);
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("is-over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    input.files = event.dataTransfer.files;
    show();
  });
}
