"use strict";
// Every page: the theme; tables that sort, filter and switch what they show. A page is complete
// without this script. Scripts are plain ones: browsers refuse modules from a disk.

const root = document.documentElement;
const THEMES = ["auto", "light", "dark"];

function stored(value) {
  try {
    if (value) localStorage.setItem("labelgraph-theme", value);
    return localStorage.getItem("labelgraph-theme");
  } catch {
    return value; // storage is off: the choice holds for this page
  }
}

function setTheme(name) {
  root.dataset.theme = THEMES.includes(name) ? name : "auto";
}

setTheme(stored()); // before the page is drawn, so that it does not flash

function themeButton() {
  const button = document.querySelector(".theme");
  const say = () => (button.textContent = `Theme: ${root.dataset.theme}`);
  button.addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length]);
    stored(root.dataset.theme);
    say();
  });
  button.hidden = false;
  say();
}

function announce(text) {
  document.getElementById("status").textContent = text;
}

// The numbers of a cell that its table shows now; NaN where there is none.
function numberIn(cell, show) {
  const find = (name) => cell.querySelector(`.${name}`);
  const shown = show === "both" ? find("here") ?? find("print") : show ? find(show) : cell;
  return parseFloat((shown?.textContent ?? "").trim().replace("−", "-"));
}

function compare(one, other, direction) {
  const [a, b] = [one.key, other.key];
  if (typeof a === "string") return direction * a.localeCompare(b, "en", { numeric: true });
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // gaps last
  return direction * (a - b);
}

// Numbers start with the largest, words with the first; a third press brings the page's order back.
function sortBy(table, header, place) {
  const words = place === 0 || (table.matches(".list") && !header.matches(".number"));
  const turns = words ? ["ascending", "descending", null] : ["descending", "ascending", null];
  const next = turns[(turns.indexOf(header.getAttribute("aria-sort")) + 1) % 3];
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  if (next) header.setAttribute("aria-sort", next);
  arrange(table);
  announce(next ? `Sorted by ${header.innerText.trim()}, ${next}` : "In the order of the page");
}

function arrange(table) {
  const headers = [...table.tHead.rows[0].cells];
  const place = headers.findIndex((header) => header.ariaSort);
  const direction = headers[place]?.ariaSort === "ascending" ? 1 : -1;
  const words = place === 0 || (table.matches(".list") && !headers[place]?.matches(".number"));
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) row.order ??= rows.indexOf(row);
  const keyed = rows.map((row) => ({
    row,
    key: place < 0 ? row.order : words ? row.cells[place].innerText : numberIn(row.cells[place], table.dataset.show),
  }));
  const sign = place < 0 ? 1 : direction;
  keyed.sort((a, b) => compare(a, b, sign) || a.row.order - b.row.order);
  table.tBodies[0].append(...keyed.map((each) => each.row));
}

function sortButtons(table) {
  [...table.tHead.rows[0].cells].forEach((header, place) => {
    if (header.matches(".plain")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sortBy(table, header, place));
  });
}

function filterRows(form, tables) {
  const wanted = form.querySelector("[type=search]").value.trim().toLowerCase().split(/\s+/);
  const ours = form.querySelector("[type=checkbox]")?.checked;
  let shown = 0;
  let all = 0;
  for (const row of tables.flatMap((table) => [...table.tBodies[0].rows])) {
    const text = (row.closest(".cells") ? row.cells[0] : row).textContent.toLowerCase();
    row.hidden = !wanted.every((word) => text.includes(word)) || (ours && row.matches(".quoted"));
    shown += row.checkVisibility();
    all += 1;
  }
  form.querySelector("output").textContent = shown === all ? "" : `${shown} of ${all} rows`;
}

function show(what, tables) {
  for (const table of tables) {
    table.dataset.show = what;
    arrange(table);
  }
  for (const legend of document.querySelectorAll(".tools + .legend")) {
    legend.dataset.show = what;
    legend.hidden = false;
  }
}

function tools(form) {
  const tables = [...document.querySelectorAll(form.dataset.for === "cells" ? ".cells" : `#${form.dataset.for}`)];
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "show") show(event.target.value, tables);
    filterRows(form, tables);
  });
  form.reset(); // a browser that goes back fills fields in, but not the table
  if (form.elements.show) show("both", tables);
  const wanted = new URLSearchParams(location.search).get("q"); // from the field in the bar
  if (wanted) {
    form.querySelector("[type=search]").value = wanted;
    filterRows(form, tables);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  themeButton();
  document.querySelectorAll(".cells, .list[data-sort]").forEach(sortButtons);
  document.querySelectorAll(".tools").forEach(tools);
});
