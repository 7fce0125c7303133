// The texts that a page shows or says to a screen reader; what is inside of `left` is left out.
function textsOf(root, left) {
  const found = new Set(), nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const note = (text, element) => {
    if (text?.trim() && !element.closest(`script, style, template, code, kbd, pre, ${left}`)) found.add(text.trim());
  };
  while (nodes.nextNode()) note(nodes.currentNode.data, nodes.currentNode.parentElement);
  for (const element of root.querySelectorAll("[aria-label], [title], [placeholder]"))
    for (const name of ["aria-label", "title", "placeholder"]) note(element.getAttribute(name), element);
  return [...found];
}

// The same of this page in English, with the parts that it loads afterwards; those beside a record are people's words.
async function textsInEnglish(left) {
  const read = async (path, headers) => {
    const answer = await fetch(path, { headers });
    return new DOMParser().parseFromString(await answer.text(), "text/html").body;
  };
  document.cookie = "language=en; path=/";
  const root = await read(location.href, {}), found = textsOf(root, left);
  for (const part of root.querySelectorAll("[hx-trigger^=load][hx-get]")) {
    if (part.closest(".record-side")) continue;
    found.push(...textsOf(await read(part.getAttribute("hx-get"), { "HX-Request": "true" }), left));
  }
  document.cookie = "language=zh-hans; path=/";
  return found;
}
