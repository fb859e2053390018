// Sends a picture to this page's own server and shows the answer. Text is never parsed as HTML.
"use strict";

const part = Object.fromEntries(
  [...document.querySelectorAll("[id]")].map((each) => [each.id, each]));

let largest = Infinity; // bytes that the server accepts

fetch("/about").then((answer) => answer.json()).then((about) => {
  largest = about.largest;
  part.about.textContent = `${about.title}. ${about.remark}`;
});

function say(text, wrong = false) {
  part.said.textContent = text;
  part.said.className = wrong ? "error" : "";
}

async function send(file) {
  if (!file) return;
  part.result.hidden = true;
  if (file.size > largest) return say(`The file is larger than ${largest >> 20} MiB.`, true);
  say("Looking…");
  try {
    const answer = await fetch("/predict", {
      method: "POST",
      body: file,
      headers: { "Content-Type": "application/octet-stream", "X-Labelgraph": "picture" },
    });
    const found = await answer.json();
    if (!answer.ok) return say(found.error, true);
    show(found);
  } catch {
    say("The server does not answer. Is labelgraph serve still running?", true);
  }
}

function show(found) {
  const chosen = found.labels.filter((each) => each.chosen);
  const count = chosen.length === 1 ? "One label" : `${chosen.length} labels`;
  say(chosen.length ? `${count} above ${chosen.length === 1 ? "its" : "their"} threshold.` : "No label is above its threshold; the likeliest come first.");
  part.picture.src = found.picture;
  part.labels.replaceChildren(...found.labels.map((each) => line(each, found.window)));
  part.result.hidden = false;
  evidence(null);
  part.labels.querySelector("button:enabled")?.click();
}

function line(each, window) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const share = `${Math.round(100 * each.probability)} %`;
  const meter = document.createElement("meter");
  meter.value = each.probability;
  meter.setAttribute("aria-hidden", "true");
  for (const text of [each.chosen ? "✓" : "", each.label, share]) {
    const span = document.createElement("span");
    span.textContent = text;
    button.append(span);
  }
  button.type = "button";
  button.disabled = !each.heat;
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") === "true";
    for (const other of part.labels.querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(!on));
    evidence(on ? null : each, window);
  });
  item.append(button, meter);
  return item;
}

function evidence(each, window) {
  part.heat.hidden = part.box.hidden = !each;
  if (!each) return;
  const [left, top, right, bottom] = window;
  const wide = right - left, high = bottom - top;
  part.heat.src = each.heat;
  place(part.heat, left, top, wide, high);
  const [x, y, end, floor] = each.box;
  place(part.box, left + x * wide, top + y * high, (end - x) * wide, (floor - y) * high);
}

function place(element, left, top, wide, high) {
  const sides = { left, top, width: wide, height: high };
  for (const [name, value] of Object.entries(sides)) element.style[name] = `${100 * value}%`;
}

part.file.addEventListener("change", () => send(part.file.files[0]));
addEventListener("paste", (event) => send(event.clipboardData.files[0]));
addEventListener("dragover", (event) => { event.preventDefault(); part.drop.classList.add("over"); });
addEventListener("dragleave", () => part.drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  part.drop.classList.remove("over");
  send(event.dataTransfer.files[0]);
});
