// The editor of conditions: rows and groups come from the server, the tree goes back as JSON in a hidden input.
import { prepare } from "./app.js";

const partsOf = (group) => [...group.querySelector(":scope > [data-parts]").children];
const valueOf = (rule, name) => rule.querySelector(`[data-${name}]`)?.value ?? "";

function chosen(rule) {
  const inputs = [...rule.querySelectorAll("[data-value]")].filter((input) => !input.closest(".ts-control"));
  if (inputs[0]?.matches("[data-relative]")) return inputs[0].value || inputs[1].value;
  if (inputs[0]?.type === "checkbox") return inputs.filter((input) => input.checked).map((input) => input.value);
  if (inputs[0]?.multiple) return [...inputs[0].selectedOptions].map((option) => option.value);
  return inputs[0]?.value ?? "";
}

function read(part) {
  if (part.matches("[data-group]")) return { [part.querySelector("[data-join]").value]: partsOf(part).map(read) };
  const op = valueOf(part, "op"), period = valueOf(part, "period");
  const tree = { field: valueOf(part, "field"), op, value: chosen(part) };
  if (op === "filled") Object.assign(tree, { op: "empty", value: "0" });
  return period ? { ...tree, period } : tree;
}

function keep(editor) {
  const root = editor.querySelector("[data-group]"), input = editor.querySelector("[data-tree]");
  const text = partsOf(root).length ? JSON.stringify(read(root)) : "";
  if (text === input.value) return;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

async function renew(rule) {
  const editor = rule.closest("[data-conditions]"), address = new URL(editor.dataset.rowsUrl, location.href);
  const value = chosen(rule);
  for (const name of ["field", "op", "period"]) address.searchParams.set(name, valueOf(rule, name));
  address.searchParams.set("value", Array.isArray(value) ? value.join(",") : value);
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  const fresh = holder.firstElementChild, from = document.activeElement;
  const typed = rule.querySelector("input.form-control[data-value]"), input = fresh.querySelector("input.form-control[data-value]");
  if (typed?.value && input?.type === typed.type) input.value = typed.value; // also what was typed while the answer was on its way
  const back = ["[data-op]", "input[data-value]"].find((one) => from?.matches(one)) || "[data-field]";
  const held = rule.contains(from);
  rule.replaceWith(fresh);
  prepare(fresh);
  if (held) fresh.querySelector(back)?.focus();
  keep(editor);
}

function add(group, name) {
  const editor = group.closest("[data-conditions]");
  const part = editor.querySelector(`template[data-blank-${name}]`).content.firstElementChild.cloneNode(true);
  group.querySelector(":scope > [data-parts]").append(part);
  if (name === "group") return add(part, "rule");
  prepare(part);
  part.querySelector("[data-field]").focus();
  keep(editor);
}

document.addEventListener("click", (event) => {
  const group = event.target.closest("[data-conditions] [data-group]");
  if (!group) return;
  if (event.target.closest("[data-add-rule]")) add(group, "rule");
  else if (event.target.closest("[data-add-group]")) add(group, "group");
  else if (event.target.closest("[data-remove-rule]")) {
    const part = event.target.closest("[data-rule], [data-group]"), editor = part.closest("[data-conditions]");
    const next = part.nextElementSibling?.querySelector("[data-field]") || part.parentElement.closest("[data-group]").querySelector(":scope > .rule-tools button");
    part.remove();
    next?.focus();
    keep(editor);
  }
});
document.addEventListener("change", (event) => {
  const rule = event.target.closest("[data-conditions] [data-rule]");
  if (rule && event.target.matches("[data-field], [data-op]")) renew(rule);
});
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const editor = event.target.closest("[data-conditions]");
    if (editor && !event.target.matches("[data-tree]")) keep(editor);
  });
}
// Enter in a value adds the next condition; Ctrl-Enter sends the form.
document.addEventListener("keydown", (event) => {
  const rule = event.target.closest?.("[data-conditions] [data-rule]");
  if (!rule || event.key !== "Enter" || event.isComposing || !event.target.matches("input[data-value]")) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.ctrlKey || event.metaKey) event.target.form?.requestSubmit();
  else add(rule.parentElement.closest("[data-group]"), "rule");
});
