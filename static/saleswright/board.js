// Cards move by drag or by key; a refused card jumps back and says why.
import { csrf, openDialog, refusal, showDialog, texts, toast, typing } from "./app.js";

const board = document.querySelector("[data-board]");
const columnOf = (card) => card.closest("[data-column]");
const listOf = (key) => board.querySelector(`[data-column="${CSS.escape(key)}"] [data-cards]`);

function putBack(card, list, after) {
  after && after.parentNode === list ? after.after(card) : list.prepend(card);
}

async function drop(card, from, after) {
  const column = columnOf(card).dataset.column;
  const body = new URLSearchParams({ card: card.dataset.card, column });
  const answer = await fetch(board.dataset.dropUrl, {
    method: "POST", body, headers: { "X-CSRFToken": csrf(), "HX-Request": "true", Accept: "text/html, application/json" },
  }).catch(() => null);
  if (!answer) { putBack(card, from, after); toast(texts.offline, "error"); return; }
  const type = answer.headers.get("Content-Type") || "";
  const text = await answer.text();
  if (!answer.ok) { putBack(card, from, after); toast(refusal(answer.status, type, text), "error"); return; }
  if (/html/.test(type) && text.trim()) { putBack(card, from, after); showDialog(text); return; } // it needs a reason first
  const redirect = answer.headers.get("HX-Redirect");
  if (redirect) { location.href = redirect; return; }
  toast(texts.moved, "success");
  totals(true);
}

for (const list of board.querySelectorAll("[data-cards]")) {
  window.Sortable?.create(list, {
    group: "cards", sort: false, draggable: ".board-card:not(.is-fixed)", animation: 140, delay: 160, delayOnTouchOnly: true,
    onStart: ({ item }) => { item.before_ = item.previousElementSibling; },
    onEnd: ({ item, from, to }) => { if (from !== to) drop(item, from, item.before_); },
  });
}

let moving = null;
function move(card, key) {
  const from = card.parentElement, after = card.previousElementSibling;
  if (columnOf(card).dataset.column === key) return;
  listOf(key).prepend(card);
  card.querySelector("a").focus();
  drop(card, from, after);
}
document.querySelector("#move").addEventListener("click", (event) => {
  const button = event.target.closest("[data-move-to]");
  if (!button || !moving) return;
  document.querySelector("#move").close();
  move(moving, button.dataset.moveTo);
});

board.addEventListener("keydown", (event) => {
  const card = event.target.closest(".board-card");
  if (!card || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const columns = [...board.querySelectorAll("[data-column]")];
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "m" || event.key === "M") {
    if (card.classList.contains("is-fixed")) return;
    moving = card;
    openDialog(document.querySelector("#move"));
    document.querySelector("#move [data-move-to]").focus();
  } else if (step) {
    const next = columns[columns.indexOf(columnOf(card)) + step];
    const at = [...card.parentElement.children].indexOf(card);
    const cards = next ? [...next.querySelectorAll(".board-card")] : [];
    cards[Math.min(at, cards.length - 1)]?.querySelector("a").focus();
  } else if (event.key === "ArrowDown") card.nextElementSibling?.querySelector("a")?.focus();
  else if (event.key === "ArrowUp") card.previousElementSibling?.querySelector("a")?.focus();
  else return;
  event.preventDefault();
});

async function totals(fresh = false) {
  const url = board.dataset.totalsUrl;
  if (!url) return;
  const answer = await fetch(fresh ? `${url}${url.includes("?") ? "&" : "?"}fresh=1` : url).catch(() => null);
  if (!answer?.ok) return;
  for (const [key, figures] of Object.entries(await answer.json())) {
    const column = board.querySelector(`[data-column="${CSS.escape(key)}"]`);
    if ("full" in figures) column?.classList.toggle("is-full", figures.full);
    for (const [name, value] of Object.entries(figures)) {
      const place = column?.querySelector(`[data-total="${name}"]`);
      if (place) place.textContent = value ?? "";
    }
  }
}
totals();
document.addEventListener("refresh", () => location.reload());
