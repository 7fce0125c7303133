// Steps of an approval flow: their order, and taking one out. What they hold is drawn by the server.
function changed(list) { list.dispatchEvent(new Event("input", { bubbles: true })); }

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]"), list = step?.parentElement;
  if (!step) return;
  const up = event.target.closest("[data-step-up]"), down = event.target.closest("[data-step-down]");
  if (up) step.previousElementSibling?.before(step);
  else if (down) step.nextElementSibling?.after(step);
  else if (event.target.closest("[data-step-remove]")) step.remove();
  else return;
  (up || down)?.focus();
  changed(list);
});
document.addEventListener("htmx:load", ({ detail }) => {
  if (!detail.elt.matches("[data-step]")) return;
  detail.elt.scrollIntoView({ block: "nearest" });
  detail.elt.querySelector("select")?.focus();
  changed(detail.elt.parentElement);
});
