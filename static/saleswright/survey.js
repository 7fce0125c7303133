// A questionnaire on its public page: questions come and go as those before them are answered. The server decides
// again what was asked; without this script all are shown, each with the words that say when it is meant.
const form = document.querySelector("[data-survey]");
const questions = [...form.querySelectorAll("[data-question]")];
const byCode = new Map(questions.map((one) => [one.dataset.question, one]));

function answersOf(question) {
  if (!question || question.hidden) return [];
  return [...question.querySelectorAll("input, textarea")]
    .filter((field) => (field.type === "radio" || field.type === "checkbox" ? field.checked : field.value.trim()))
    .map((field) => field.value.trim());
}
function passes({ test, value }, answers) {
  if (!answers.length) return false;
  const wanted = value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (test === "is") return answers.some((one) => wanted.includes(one));
  if (test === "not") return !answers.some((one) => wanted.includes(one));
  return test === "least" ? Number(answers[0]) >= Number(value) : Number(answers[0]) <= Number(value);
}
function refresh() {
  for (const question of questions)
    question.hidden = "on" in question.dataset && !passes(question.dataset, answersOf(byCode.get(question.dataset.on)));
}
form.dataset.live = "";
form.addEventListener("input", refresh);
refresh();
const faulty = form.querySelector(".field-error")?.closest("[data-question]");
faulty?.querySelector("input, textarea")?.focus();
