// Check-in dialogs find the phone's position by themselves and say in plain words when there is none; photos are sent at once.
import { csrf, refusal, texts, toast } from "./app.js";

const words = () => JSON.parse(document.getElementById("position-texts")?.textContent || "{}");
const OPTIONS = { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 };
const CODES = { 1: "denied", 2: "unavailable", 3: "timeout" };

function fields(form) {
  const found = {};
  for (const name of ["latitude", "longitude", "accuracy", "missing"]) found[name] = form.elements[name];
  return found;
}

function say(form, text, tone, again) {
  let line = form.querySelector("[data-position]");
  if (!line) {
    line = document.createElement("div");
    line.dataset.position = "";
    line.setAttribute("role", "status");
    form.querySelector(".dialog-main").prepend(line);
  }
  line.className = `alert-box tone-${tone}`;
  line.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
  if (again) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: words().again });
    button.addEventListener("click", () => find(form));
    line.append(button);
  }
}

function find(form) {
  const { latitude, longitude, accuracy, missing } = fields(form), send = form.querySelector(".btn-primary");
  const failed = (code) => { missing.value = code; send.disabled = false; say(form, words()[code], "orange", code !== "unsupported"); form.elements.reason?.focus(); };
  if (!navigator.geolocation) { failed("unsupported"); return; }
  send.disabled = true;
  say(form, words().finding, "blue");
  navigator.geolocation.getCurrentPosition((place) => {
    latitude.value = place.coords.latitude.toFixed(6);
    longitude.value = place.coords.longitude.toFixed(6);
    accuracy.value = Math.round(place.coords.accuracy);
    missing.value = "";
    send.disabled = false;
    say(form, words().found.replace("%(metres)s", accuracy.value), "green");
  }, (error) => failed(CODES[error.code] || "unavailable"), OPTIONS);
}

document.addEventListener("htmx:afterSwap", ({ target }) => {
  const form = target.id === "dialog-body" && target.querySelector("form");
  if (!form || !form.elements.latitude || !form.elements.missing) return;
  for (const one of Object.values(fields(form))) one.closest(".field").hidden = true;
  if (form.elements.latitude.value) say(form, words().found.replace("%(metres)s", form.elements.accuracy.value || "?"), "green");
  else if (form.elements.missing.value) say(form, words()[form.elements.missing.value], "orange", true);
  else find(form);
  if (!navigator.onLine) toast(words().offline, "error");
});
document.addEventListener("htmx:sendError", ({ target }) => {
  if (target.elements?.latitude) say(target, words().offline, "red");
});

document.addEventListener("change", async ({ target }) => {
  if (!target.matches?.("[data-photo]") || !target.files.length) return;
  const body = new FormData();
  for (const file of target.files) body.append("file", file, file.name);
  const answer = await fetch(target.dataset.photo, {
    method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
  }).catch(() => null);
  target.value = "";
  if (!answer) toast(texts.offline, "error");
  else if (!answer.ok) toast(refusal(answer.status, answer.headers.get("Content-Type"), await answer.text()), "error");
  else location.reload();
});
