// Posdata's console: what htmx does not do by itself. Pages work without it, only less at once.
"use strict";

const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

// On a phone the menu is wider than the page.
each(".nav [aria-current]", (here) => { here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2; });

// One click puts the suggestion into the text that it was made for.
document.addEventListener("click", (event) => {
  const use = event.target.closest("[data-use]");
  if (use) {
    const text = document.getElementById(use.dataset.for);
    text.value = use.dataset.use;
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const drop = event.target.closest("[data-drop]");
  if (drop) {
    const list = drop.closest("[data-chips]");
    drop.closest(".chip").remove();
    list.dispatchEvent(new Event("change", { bubbles: true }));
    (list.querySelector("[data-drop]") || document.getElementById("place-search")).focus();
  }
  const pick = event.target.closest("[data-pick]");
  if (pick) addPlace(pick.dataset.pick, pick.dataset.side, pick.dataset.name);
  const more = event.target.closest("[data-add-text]");
  if (more) addText(more);
});

// A place that was found becomes a chip with its hidden field.
function addPlace(value, side, name) {
  const list = document.querySelector(`[data-chips="${side}"]`);
  if (list.querySelector(`input[value="${CSS.escape(value)}"]`)) return;
  const chip = document.getElementById(`chip-${side}`).content.cloneNode(true);
  chip.querySelector("input").value = value;
  chip.querySelector("[data-label]").textContent = name;
  const button = chip.querySelector("button");
  button.setAttribute("aria-label", `${button.dataset.word} ${name}`);
  list.append(chip);
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

// A further text: the template's copy with ids of its own.
function addText(button) {
  const list = document.getElementById("texts");
  const number = list.children.length + 1;
  const copy = document.getElementById("text-template").innerHTML.replaceAll("__N__", String(number));
  list.insertAdjacentHTML("beforeend", copy);
  htmx.process(list.lastElementChild);
  list.lastElementChild.querySelector("textarea").focus();
}

// Choosing all boxes of a list at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) {
    each(`input[name="${event.target.dataset.all}"]`, (box) => { box.checked = event.target.checked; });
  }
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.target.matches("[data-fill]")) {
    const into = document.getElementById(event.target.dataset.fill);
    if (event.target.value) into.value = event.target.value;
  }
});

// Escape closes an open confirmation; so does a click beside it.
const closeAll = (except) => each("details.confirm[open]", (one) => { if (one !== except) one.open = false; });
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest("details.confirm[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); }
});
document.addEventListener("click", (event) => closeAll(event.target.closest("details.confirm")));

// What went wrong in a part of a page is said, not swallowed.
function toast(html) {
  const place = document.getElementById("toasts");
  place.innerHTML = html;
  setTimeout(() => { place.innerHTML = ""; }, 8000);
}
document.addEventListener("htmx:responseError", (event) => toast(event.detail.xhr.responseText));

// Parts that take the server a while come after the page.
each("[data-load]", async (place) => {
  const answer = await fetch(place.dataset.load, { headers: { "HX-Request": "true" } });
  const html = await answer.text();
  if (answer.ok) place.innerHTML = html;
  else toast(html);
  place.removeAttribute("data-load");
});

// Live pages: the server sends parts of the page, escaped, by the id they belong to.
const live = document.querySelector("[data-live]");
if (live) {
  const lamp = document.getElementById("live-lamp");
  const source = new EventSource(live.dataset.live);
  source.addEventListener("parts", (event) => {
    const parts = JSON.parse(event.data);
    for (const [id, html] of Object.entries(parts.html)) {
      const place = document.getElementById(id);
      if (place && !place.contains(document.activeElement) && !place.querySelector("details[open]")) place.innerHTML = html;
    }
    if (parts.points) document.dispatchEvent(new CustomEvent("points", { detail: parts.points }));
    if (lamp) lamp.className = "lamp good";
  });
  source.onerror = () => { if (lamp) lamp.className = "lamp warn"; };
  addEventListener("pagehide", () => source.close());
}
