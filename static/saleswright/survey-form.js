// The builder of questionnaires: inputs by the kind of question, and earlier questions to rest on. The order of the
// cards is flow.js's.
const list = document.querySelector("[data-steps]");
const field = (card, name) => card.querySelector(`[name$="-${name}"]`);

function refresh() {
  const earlier = [];
  for (const card of list.querySelectorAll("[data-step]")) {
    card.dataset.kind = field(card, "kind").value;
    card.querySelector("[data-place]").textContent = earlier.length + 1;
    const select = field(card, "branch_on"), chosen = select.value;
    const options = earlier.map(([code, text], place) => new Option(`${place + 1}. ${text || "…"}`, code, false, code === chosen));
    if (chosen && !earlier.some(([code]) => code === chosen)) options.push(new Option("?", chosen, false, true));
    select.replaceChildren(new Option(select.dataset.always, ""), ...options);
    select.value = chosen;
    card.toggleAttribute("data-branches", Boolean(chosen));
    earlier.push([field(card, "code").value, field(card, "text").value]);
  }
}
document.addEventListener("input", (event) => event.target.closest("[data-flow]") && refresh());
refresh();
