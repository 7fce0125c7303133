// Files of a record: several at once with progress, by drag and drop and from the camera; the large view.
import { csrf, openDialog, refusal, texts, toast, typing } from "./app.js";

const AT_ONCE = 2;
const viewer = document.getElementById("viewer");
let waiting = [], sending = 0, sent = 0;

const panel = () => document.querySelector("[data-files]");
const words = () => JSON.parse(panel()?.dataset.words || "{}");

function line(file) {
  const item = document.createElement("li"), name = document.createElement("span"), bar = document.createElement("progress");
  name.textContent = file.name;
  bar.max = file.size || 1;
  bar.value = 0;
  bar.ariaLabel = file.name;
  item.append(name, bar);
  return { item, bar };
}

function fail({ item, bar }, file, text, again) {
  bar.remove();
  const said = document.createElement("p"), button = document.createElement("button");
  said.textContent = text;
  button.type = "button";
  button.className = "btn btn-sm";
  button.textContent = again ? words().retry : texts.close;
  button.addEventListener("click", () => { item.remove(); if (again) add([file]); });
  item.append(button, said);
}

function send(file) {
  const shown = line(file), request = new XMLHttpRequest(), form = new FormData();
  panel().querySelector("[data-sending]").append(shown.item);
  form.append("file", file, file.name);
  request.open("POST", panel().dataset.upload);
  request.setRequestHeader("X-CSRFToken", csrf());
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => { shown.bar.max = event.total; shown.bar.value = event.loaded; });
  request.addEventListener("loadend", () => {
    sending -= 1;
    if (request.status === 201) { sent += 1; shown.item.remove(); }
    else if (!request.status) fail(shown, file, texts.offline, true);
    else fail(shown, file, refusal(request.status, request.getResponseHeader("Content-Type"), request.responseText), request.status >= 500);
    next();
  });
  request.send(form);
}

function next() {
  while (sending < AT_ONCE && waiting.length) { sending += 1; send(waiting.shift()); }
  if (sending || waiting.length || !sent) return;
  toast(words().done.replace("%(count)s", sent), "success");
  sent = 0;
  refresh();
}

// The panel anew; what could not be sent stays to be read.
async function refresh() {
  const kept = [...panel().querySelectorAll("[data-sending] > li")];
  await window.htmx.ajax("GET", panel().dataset.url, { target: panel(), swap: "outerHTML" });
  panel()?.querySelector("[data-sending]")?.append(...kept);
  const history = document.querySelector(".history");
  if (history) window.htmx.trigger(history, "files-changed");
}

function add(files) {
  if (!panel()?.dataset.upload) return;
  waiting.push(...files);
  next();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-file-input]")) return;
  const files = [...event.target.files];
  event.target.value = "";
  add(files);
});
addEventListener("beforeunload", (event) => { if (sending || waiting.length) event.preventDefault(); });

// Drag and drop: anywhere on the record's page.
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files") && panel()?.dataset.upload;
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  panel().classList.add("is-over");
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) panel()?.classList.remove("is-over"); });
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  panel().classList.remove("is-over");
  add([...event.dataTransfer.files]);
});
// A picture from the clipboard.
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files || [])];
  if (files.length && !typing(event.target) && !document.querySelector("dialog[open]")) add(files);
});

// The large view
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id === "viewer-body") {
    if (!viewer.open) openDialog(viewer);
    if (!viewer.contains(document.activeElement) || document.activeElement === document.body) viewer.querySelector("[data-focus-first]")?.focus();
  } else if (detail.requestConfig?.path?.endsWith("/delete") && viewer.open) viewer.close();
});
viewer?.addEventListener("close", () => { document.getElementById("viewer-body").replaceChildren(); });
viewer?.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = { ArrowLeft: "before", ArrowRight: "after", PageUp: "page-before", PageDown: "page-after", ArrowUp: "page-before", ArrowDown: "page-after" }[event.key];
  const button = key && viewer.querySelector(`[data-${key}]:not([disabled])`);
  if (!button) return;
  event.preventDefault();
  button.click();
});
let touch = null;
viewer?.addEventListener("pointerdown", (event) => { touch = event.pointerType === "touch" && event.isPrimary && event.target.closest("[data-stage]") ? event : null; });
viewer?.addEventListener("pointerup", (event) => {
  if (!touch || (window.visualViewport?.scale || 1) > 1.05) return;
  const across = event.clientX - touch.clientX, down = event.clientY - touch.clientY;
  touch = null;
  if (Math.abs(across) > 60 && Math.abs(across) > 2 * Math.abs(down)) viewer.querySelector(across > 0 ? "[data-before]" : "[data-after]")?.click();
});
