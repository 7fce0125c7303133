// What every page does: toasts, requests and their failures, dialogs, the palette, keys, theme, pickers, live counts.
export const texts = JSON.parse(document.getElementById("texts").textContent);
export const csrf = () => document.querySelector("meta[name=csrf-token]").content;
export const typing = (element) => !!element.closest("input, textarea, select, [contenteditable], .ts-control");

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function toast(text, tone = "info") {
  const box = $("#toasts");
  const line = document.createElement("div");
  line.className = "toast-line";
  line.dataset.tone = tone;
  line.textContent = text;
  if (!box.popover) box.popover = "manual"; // the top layer, so that it shows above dialogs
  if (box.matches(":popover-open")) box.hidePopover();
  box.append(line);
  box.showPopover();
  setTimeout(() => { line.remove(); if (!box.children.length) box.hidePopover(); }, tone === "error" ? 9000 : 4500);
}

export function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=31536000; SameSite=Lax${secure}`;
}

// The sentence of a refusal: problem JSON, else a general one.
export function refusal(status, type, body) {
  if (/json/.test(type || "")) {
    try {
      const problem = JSON.parse(body);
      const errors = (problem.errors || []).map((error) => error.message);
      return [problem.detail || problem.title, ...errors].filter(Boolean).join("\n") || texts.failed;
    } catch { /* not what it says it is */ }
  }
  return status === 401 ? texts.signed_out : texts.failed;
}

export function showDialog(html) {
  const body = $("#dialog-body");
  body.innerHTML = html;
  window.htmx.process(body);
  openDialog($("#dialog"));
}

export function openDialog(dialog) {
  prepare(dialog);
  if (!dialog.open) dialog.showModal();
  ($("[data-focus], .is-invalid", dialog) || $("[autofocus], input:not([type=hidden]), textarea, select", dialog))?.focus();
}

// Pickers and amounts: done for whatever comes into the page.
const loaded = {};
export function load(address) {
  loaded[address] ||= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return loaded[address];
}

const vendor = (name) => document.querySelector(`meta[name="asset-${name}"]`)?.content;

const MANY = 30; // choices of which several may be taken: too many to look through
async function makePickers(root) {
  const wanted = (select) => select.matches("[data-picker-url]") || (select.multiple && select.options.length > MANY);
  const selects = $$("select", root).filter((select) => wanted(select) && !select.tomselect && !select.closest("template"));
  if (!selects.length) return;
  if (!$("link[href*='tom-select']")) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: vendor("tom-select-css") });
    document.head.insertBefore(link, $("link[href*='saleswright/app']"));
  }
  await load(vendor("tom-select"));
  for (const select of selects) if (!select.tomselect) (select.matches("[data-picker-url]") ? makePicker : makeChooser)(select);
}

// Several out of a long list that is all there.
function makeChooser(select) {
  const box = new window.TomSelect(select, {
    maxOptions: null, plugins: { remove_button: { title: texts.remove } }, placeholder: texts.searching, dropdownParent: select.closest("dialog") ? null : "body",
    render: { no_results: () => `<div class="option">${texts.nothing}</div>` },
  });
  select.ariaHidden = "true";
  box.on("change", () => select.dispatchEvent(new Event("input", { bubbles: true })));
}

function makePicker(select) {
  const line = (data, escape) =>
    `<div>${escape(data.label || data.text || "")}${data.detail ? ` <small>${escape(data.detail)}</small>` : ""}</div>`;
  const box = new window.TomSelect(select, {
    valueField: "id", labelField: "label", searchField: [], sortField: [{ field: "$order" }], preload: "focus",
    maxOptions: 50, loadThrottle: 200, dropdownParent: select.closest("dialog") ? null : "body", score: () => () => 1,
    placeholder: select.dataset.placeholder || texts.searching, plugins: select.multiple ? { remove_button: { title: texts.remove } } : { clear_button: { title: texts.clear } },
    onInitialize() {
      for (const option of Object.values(this.options)) option.label ||= option.text;
    },
    load(query, done) {
      this.clearOptions((option) => this.items.includes(String(option.id ?? option.value)));
      const address = new URL(select.dataset.pickerUrl, location.href);
      address.searchParams.set("q", query);
      const by = select.form?.elements[select.dataset.by]; // the field that this picker follows, unless it filled that itself
      if (by?.value && by.dataset.filledBy !== select.name) address.searchParams.set(select.dataset.by, by.value);
      fetch(address, { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : []))
        .then((found) => done(found.items || found), () => done());
    },
    render: {
      option: line,
      item: (data, escape) => `<div>${escape(data.label || data.text || "")}</div>`,
      no_results: () => `<div class="option">${texts.nothing}</div>`,
      loading: () => `<div class="option">${texts.loading}</div>`,
    },
  });
  if (select.ariaLabel) box.control_input.ariaLabel = select.ariaLabel; // a <label> is moved over by Tom Select itself
  select.ariaHidden = "true";
  box.on("change", () => select.dispatchEvent(new Event("input", { bubbles: true })));
}

const DIGITS = "零壹贰叁肆伍陆柒捌玖";
function inWords(cents) { // Chinese financial capitals of whole fen
  const four = (number) => {
    let text = "";
    [...String(number).padStart(4, "0")].forEach((digit, at) => {
      text += digit === "0" ? "零" : DIGITS[digit] + ["仟", "佰", "拾", ""][at];
    });
    return text.replace(/零+$/, "").replace(/零+/g, "零");
  };
  let whole = cents / 100n, text = "", place = 0;
  while (whole > 0n) {
    const group = Number(whole % 10000n);
    if (group) text = four(group) + ["", "万", "亿", "万亿"][place] + text;
    else if (text && !text.startsWith("零")) text = "零" + text;
    whole /= 10000n;
    place += 1;
  }
  text = text.replace(/^零+/, "").replace(/零+/g, "零");
  const jiao = Number((cents / 10n) % 10n), fen = Number(cents % 10n);
  const yuan = text ? text + "元" : "";
  if (!jiao && !fen) return (yuan || "零元") + "整";
  return yuan + (jiao ? DIGITS[jiao] + "角" : yuan ? "零" : "") + (fen ? DIGITS[fen] + "分" : "整");
}

export function echo(text, language) {
  const match = /^(\d{1,15})(?:\.(\d{0,2})\d*)?$/.exec(text.replace(/[,，\s]/g, ""));
  if (!match || Number(match[1]) === 0) return "";
  const cents = BigInt(match[1]) * 100n + BigInt((match[2] || "").padEnd(2, "0"));
  const grouped = match[1].replace(/\B(?=(\d{3})+$)/g, ",");
  if (!language.startsWith("zh")) return grouped;
  const wan = Number(cents / 100n) >= 10000 ? `${Number(cents / 100n) / 10000} 万 · ` : "";
  return wan + inWords(cents);
}

function showEcho(input) {
  let note = input.parentElement.querySelector(":scope > .echo");
  if (!note) {
    note = Object.assign(document.createElement("small"), { className: "echo" });
    note.setAttribute("aria-live", "polite");
    input.after(note);
  }
  note.textContent = echo(input.value, document.documentElement.lang);
}

// Rows of a dialog that share a total: what is left of it, and a button that takes as much as there is.
const hundredths = (text) => Math.round(Number(text.replace(/[,，\s]/g, "")) * 100) || 0;
function restOf(box) {
  return $$(".row-input input", box).reduce((rest, input) => rest - hundredths(input.value), hundredths(box.dataset.shareOf));
}
function showRest(box) {
  const place = $("[data-rest]", box), rest = restOf(box);
  const digits = /0(?:\.(0+))?/.exec(place.dataset.nothing)[1]?.length || 0;
  const amount = (Math.abs(rest) / 100).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  place.textContent = (rest < 0 ? "-" : "") + place.dataset.nothing.replace(/0(\.0+)?/, amount);
  place.classList.toggle("is-over", rest < 0);
}
function takeAll(button) {
  const box = button.closest(".row-form"), input = $("input", button.parentElement);
  input.value = "";
  const rest = box.dataset.shareOf ? Math.max(0, restOf(box)) / 100 : Infinity;
  input.value = rest < Number(button.dataset.take) ? (rest ? rest.toFixed(2) : "") : button.dataset.take;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.focus();
}

export function prepare(root) {
  makePickers(root);
  $$(".row-form[data-share-of]", root).forEach(showRest);
  $$("input[data-echo]", root).forEach(showEcho);
  $("[data-focus]", root)?.focus();
}
document.addEventListener("input", (event) => {
  if (event.target.matches("input[data-echo]")) showEcho(event.target);
  const shared = event.target.closest(".row-form[data-share-of]");
  if (shared) showRest(shared);
});

// Requests
const bar = Object.assign(document.createElement("div"), { className: "busy-bar" });
document.body.append(bar);
let running = 0;
const busy = (step) => { running = Math.max(0, running + step); document.documentElement.classList.toggle("is-busy", running > 0); };
document.addEventListener("htmx:beforeRequest", () => busy(1));
document.addEventListener("htmx:afterRequest", () => busy(-1));
document.addEventListener("htmx:configRequest", ({ detail }) => {
  detail.headers["X-CSRFToken"] = csrf();
  if (detail.verb === "get") for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (/json/.test(detail.xhr.getResponseHeader("Content-Type") || "") && detail.xhr.status >= 400) detail.shouldSwap = false;
  // an action without a form of its own that turns out to need one
  if (detail.xhr.status < 300 && detail.requestConfig.elt.getAttribute("hx-swap") === "none" && detail.xhr.responseText.trim().startsWith("<form")) showDialog(detail.xhr.responseText);
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  const type = detail.xhr.getResponseHeader("Content-Type");
  if (detail.xhr.status === 422 && !/json/.test(type || "")) return;
  toast(refusal(detail.xhr.status, type, detail.xhr.responseText), "error");
});
document.addEventListener("htmx:sendError", () => toast(texts.offline, "error"));
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "dialog-body") return;
  detail.target.innerHTML.trim() ? openDialog($("#dialog")) : $("#dialog").close();
});
document.addEventListener("htmx:load", ({ detail }) => {
  prepare(detail.elt);
  const link = detail.elt.querySelector?.(".is-shown > [data-open]"); // a number that was tapped to be called
  if (link) location.href = link.href;
});
document.addEventListener("toast", ({ detail }) => toast(detail.text ?? detail.value, detail.tone || "success"));
document.addEventListener("close-dialog", () => $("#dialog").close());
document.addEventListener("htmx:confirm", (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  const dialog = Object.assign(document.createElement("dialog"), { className: "dialog is-narrow" });
  dialog.innerHTML = '<div class="dialog-head"><h2></h2></div><form method="dialog" class="dialog-foot"><button class="btn" value=""></button><button class="btn btn-danger" value="yes"></button></form>';
  $("h2", dialog).textContent = texts.confirm;
  const [no, yes] = $$("button", dialog);
  no.textContent = texts.close;
  yes.textContent = event.detail.question;
  dialog.addEventListener("close", () => { dialog.remove(); if (dialog.returnValue === "yes") event.detail.issueRequest(true); });
  document.body.append(dialog);
  dialog.showModal();
});

// Clicks
document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-close]")) at("dialog").close();
  else if (at("[data-open]")) openDialog(document.getElementById(at("[data-open]").dataset.open));
  else if (at("[data-palette]")) openPalette();
  else if (at("[data-take]")) takeAll(at("[data-take]"));
  else if (at("[data-keys]")) openDialog($("#keys"));
  else if (at("[data-fold]")) setCookie("nav", document.documentElement.classList.toggle("is-narrow") ? "narrow" : "wide");
  else if (at("[data-theme-switch]")) nextTheme();
  else if (at("[data-copy]")) navigator.clipboard?.writeText(at("[data-copy]").dataset.copy).then(() => toast(texts.copied));
  else if (at(".is-refused")) { event.preventDefault(); toast(at(".is-refused").dataset.reason, "warning"); }
  else if (at(".is-narrow .nav-group > summary") && innerWidth > 991) document.documentElement.classList.remove("is-narrow");
  else if (event.target.matches("dialog[open]")) { if (!$("form[hx-post]", event.target)) event.target.close(); }
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-drop-empty]")) return;
  const empty = $$("input, select", event.target).filter((field) => field.name && !field.value && !field.disabled);
  empty.forEach((field) => { field.disabled = true; });
  setTimeout(() => empty.forEach((field) => { field.disabled = false; }));
});

// Palette
function openPalette() {
  const palette = $("#palette");
  if (!palette || palette.open) return;
  palette.showModal();
  $("#palette-input").select();
}
$("#palette")?.addEventListener("keydown", (event) => {
  const hits = $$("[data-hit]", event.currentTarget);
  const at = hits.findIndex((hit) => hit.classList.contains("is-active"));
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    hits[at]?.classList.remove("is-active");
    const next = hits[(at + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length];
    next?.classList.add("is-active");
    next?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Escape") event.currentTarget.close(); // a search input would only clear itself
  else if (event.key === "Enter" && hits.length) {
    event.preventDefault();
    (hits[at] || hits[0]).click();
  }
});

// Keys
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
  if (event.key === "?") openDialog($("#keys"));
  else if (event.key === "/") { event.preventDefault(); const box = $("[data-search]"); box ? box.focus() : openPalette(); }
  else if (event.key === "c") ($("[data-create-here]") || $("[data-create]"))?.click();
  else if (event.key === "e" && !$("[data-rows]")) $("[data-edit]")?.click();
});

// Theme
const dark = matchMedia("(prefers-color-scheme: dark)");
function applyTheme() {
  const root = document.documentElement;
  root.dataset.bsTheme = root.dataset.theme === "auto" ? (dark.matches ? "dark" : "light") : root.dataset.theme;
  document.dispatchEvent(new Event("theme"));
}
function nextTheme() {
  const root = document.documentElement;
  root.dataset.theme = { auto: "light", light: "dark", dark: "auto" }[root.dataset.theme] || "light";
  setCookie("theme", root.dataset.theme);
  applyTheme();
}
dark.addEventListener("change", applyTheme);

// What is folded on a phone is open elsewhere; a month on a phone begins with today
const phone = matchMedia("(max-width: 767.98px)");
$$("details[data-open-wide]").forEach((box) => { box.open = !phone.matches; });
if (phone.matches) $(".month .is-today")?.scrollIntoView({ block: "center" });

// Live counts
const title = document.title;
let unread = null;
async function counts() {
  const address = $("[data-counts-url]")?.dataset.countsUrl;
  if (!address || document.hidden) return;
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return;
  const found = await answer.json();
  for (const [name, count] of Object.entries(found)) {
    const badge = $(`[data-count="${CSS.escape(name)}"]`);
    if (badge) { badge.hidden = !count; badge.textContent = count > 99 ? "99+" : count; }
  }
  document.title = found.notifications ? `(${found.notifications > 99 ? "99+" : found.notifications}) ${title}` : title;
  if (unread !== null && unread !== found.notifications) {
    document.body.dispatchEvent(new Event("notices-changed"));
    if (unread < found.notifications && !$("#notices")) toast(texts.news);
  }
  unread = found.notifications;
}
setInterval(counts, 20000); // nothing is asked for while the page is hidden; when it is shown again, at once
document.addEventListener("visibilitychange", () => {
  counts();
  if (!document.hidden) document.body.dispatchEvent(new Event("page-shown")); // what may have changed meanwhile is read anew
});
counts();

// Messages that came with the page
for (const line of $$("#toasts > .toast-line")) { line.remove(); toast(line.textContent, line.dataset.tone); }
// A draft is dropped once its form has been left by saving.
const sent = sessionStorage.getItem("sent");
if (sent && !$(`[data-draft="${CSS.escape(sent)}"]`)) { localStorage.removeItem(sent); sessionStorage.removeItem("sent"); }
prepare(document);
