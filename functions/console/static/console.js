// What a page cannot do without a script: times in the reader's zone, a question before what cannot be undone, rest while
// nobody looks.
"use strict";
(() => {
  // Pages hold nothing but what this server rendered and escaped; htmx puts parts of them in by markup.
  if (window.trustedTypes) trustedTypes.createPolicy("default", { createHTML: (markup) => markup });
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) time.textContent = format.format(new Date(time.dateTime));
  };
  document.addEventListener("DOMContentLoaded", () => localise(document));
  document.addEventListener("htmx:afterSwap", (event) => localise(event.target.parentElement || document));
  // A page that nobody looks at asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.elt.hasAttribute("data-watched")) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
})();
