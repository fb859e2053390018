"use strict";
// Where a cell comes from. runs.js, made with the pages, defines STUDY: its runs, and pools of what
// several runs have in common. Text goes in as text only, never as markup.

const dialog = document.getElementById("provenance");

// make("p.note", "text", child, ...) is an element with that class and those children.
function make(kind, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function drawing(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function tableOf(headers, rows) {
  const head = make("tr", ...headers.map((text) => Object.assign(make("th", text), { scope: "col" })));
  const body = rows.map((row) => make("tr", ...row.map((item) => (item instanceof Element ? item : make("td", `${item}`)))));
  const table = make("table.list", make("thead", head), make("tbody", ...body));
  const box = make("div.box", table);
  Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: headers.join(", ") });
  return box;
}

function folded(title, ...children) {
  return make("details", make("summary", title), ...children);
}

const pool = (name, run) => STUDY.pools[name][run[name]];
const runsOf = (text) => text.split(" ").map((place) => STUDY.runs[place]);
const percent = (value) => (value === null || value === undefined ? "none" : value.toFixed(2));
const quoted = (text) => (/^[\w./@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const unique = (values) => [...new Set(values)];

function valueOf(run, metric) {
  return run.values[pool("metrics", run).indexOf(metric)];
}

// {a: {b: 1}} -> [["a.b", 1]]
function flat(value, name = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[name, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name}.${key}` : key));
}

// One curve of each run; `small` is a sparkline without axes.
function chart(runs, column, small) {
  const [width, height, left, bottom] = small ? [120, 30, 1, 1] : [360, 170, 52, 22];
  const scale = column === "tune_map" ? 100 : 1; // in percent, as everywhere
  const lines = runs.map((run) => (run.history[column] ?? []).map((value) => value && scale * value));
  const numbers = lines.flat().filter((value) => value !== null);
  if (!numbers.length) return null;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const longest = Math.max(...lines.map((line) => line.length));
  const x = (epoch) => left + ((width - left - 4) * epoch) / Math.max(longest - 1, 1);
  const y = (value) => height - bottom - 4 - ((height - bottom - 8) * (value - low)) / (high - low || 1);
  const paths = lines.map((line, place) => {
    const points = line.map((value, epoch) => (value === null ? null : `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`));
    return drawing("path", { d: `M${points.filter(Boolean).join("L")}`, class: `seed${place % 5}` });
  });
  const text = (at, align, words) => drawing("text", { x: at[0], y: at[1], "text-anchor": align }, words);
  const axes = small ? [] : [
    drawing("path", { class: "axis", d: `M${left - 4},4V${height - bottom}H${width}` }),
    text([left - 8, 14], "end", high.toPrecision(3)),
    text([left - 8, height - bottom - 2], "end", low.toPrecision(3)),
    text([left, height - 6], "start", "epoch 1"),
    text([width - 4, height - 6], "end", `${longest}`),
  ];
  const label = `${column.replace("_", " ")}: from ${lines.map((line) => line[0]).join(", ")} to ${lines.map((line) => line.at(-1)).join(", ")}`;
  const kind = small ? "curve small" : "curve";
  return drawing("svg", { viewBox: `0 0 ${width} ${height}`, class: kind, role: "img", "aria-label": label }, ...axes, ...paths);
}

function curves(runs) {
  const columns = unique(runs.flatMap((run) => Object.keys(run.history))).filter((name) => name !== "epoch");
  const figures = columns.map((column) => {
    const drawn = chart(runs, column, false);
    return drawn && make("figure", make("figcaption", column === "tune_map" ? "mAP on the tuning images" : column), drawn);
  });
  return make("div.curves", ...figures);
}

function runTable(runs, metric, coloured) {
  const rows = runs.map((run, place) => {
    const git = pool("git", run);
    const commit = git.commit ? git.commit.slice(0, 9) + (git.clean === false ? ", with changes" : "") : "unknown";
    const cost = run.cpu === null ? ["elsewhere", "", ""] : [`${run.wall.toFixed(1)} s`, `${run.cpu.toFixed(1)} s`, `${Math.round(run.peak)} MB`];
    const key = coloured ? make(`span.key.seed${place % 5}`) : null;
    return [make("td", key, `${run.seed}`), make("td", make("code", run.folder)), percent(valueOf(run, metric)),
      commit, ...cost];
  });
  return tableOf(["Seed", "Run, below results/runs", metric, "Commit", "Time", "Processor", "Memory"], rows);
}

function conventions(runs) {
  const names = unique(runs.flatMap((run) => pool("metrics", run))).filter((name) => name.startsWith("mAP"));
  const rows = names.map((name) => [name, ...runs.map((run) => percent(valueOf(run, name)))]);
  return tableOf(["Convention", ...runs.map((run) => `seed ${run.seed}`)], rows);
}

// What stands in one pool for these runs: once if it is the same for all.
function shared(title, name, runs, rowsOf, headers) {
  return unique(runs.map((run) => run[name])).map((place, index, places) => {
    const some = runs.filter((run) => run[name] === place);
    const whose = places.length > 1 ? `: ${unique(some.map((run) => run.folder.replace(/\/seed\d+$/, ""))).join(", ")}` : "";
    return folded(title + whose, tableOf(headers, rowsOf(STUDY.pools[name][place])));
  });
}

function files(places) {
  return places.map((place) => STUDY.pools.files[place]).map(([path, digest]) => [make("td.long", make("code", path)), make("td.long", make("code", digest))]);
}

// The trace reads the committed settings, which say nothing of datasets of the user's own.
function again(runs, cell) {
  const config = STUDY.config.length ? `--config ${STUDY.config.map(quoted).join(" ")} ` : "";
  const scores = runs.map((run) => quoted(`results/runs/${run.folder}/scores.json`)).join(" ");
  const lines = [`snakemake --cores 2 --forcerun train ${config}-- ${scores}`];
  if (cell.table && !STUDY.config.some((line) => line.startsWith("datasets="))) lines.unshift(`labelgraph trace results/tables/${STUDY.study}/${cell.table}.csv --row ${quoted(cell.row)} --column ${quoted(cell.column)}`);
  return folded("Commands that check it and make it again", ...lines.map((line) => make("pre", line)));
}

function body(cell) {
  if (cell.network) return [make("p", "Counted, not trained: the network ", make("code", cell.network), ` in ${STUDY.counts}.`)];
  const runs = cell.runs;
  const alike = unique(runs.map((run) => run.folder.replace(/\/seed\d+$/, ""))).length === 1;
  return [
    runTable(runs, cell.metric, alike),
    alike ? make("h3", "Training") : null,
    alike ? curves(runs) : null,
    make("h3", "Where it comes from"),
    ...shared("Settings", "settings", runs, flat, ["Setting", "Value"]),
    ...shared("Input files", "inputs", runs, files, ["File", "sha256"]),
    ...shared("Packages", "packages", runs, flat, ["Package", "Version"]),
    ...shared("Machine", "machine", runs, flat, ["", ""]),
    folded("mAP under every convention", conventions(runs)),
    again(runs, cell),
  ];
}

// Names whose values differ between two lists of [name, value], with both values.
function differing(one, other) {
  const [a, b] = [new Map(one), new Map(other)];
  const names = unique([...a.keys(), ...b.keys()]).filter((name) => a.get(name) !== b.get(name));
  return names.map((name) => [name, a.get(name), b.get(name)]);
}

function differences(title, headers, rows) {
  if (!rows.length) return [make("p", `${title}: none differs.`)];
  const shown = rows.map((row) => row.map((value) => value ?? "none"));
  return [make("h3", `${title}: ${rows.length} differ${rows.length === 1 ? "s" : ""}`), tableOf(headers, shown)];
}

function metricsOf(run) {
  return pool("metrics", run).map((name, place) => [name, run.values[place]]);
}

// Two runs: the settings, metrics, input files, packages and machine that differ.
function both(one, other) {
  const metrics = differing(metricsOf(one), metricsOf(other)).map(([name, a, b]) => {
    const known = typeof a === "number" && typeof b === "number";
    return [name, percent(a), percent(b), known ? (b - a >= 0 ? "+" : "−") + Math.abs(b - a).toFixed(2) : ""];
  });
  const inputs = (run) => pool("inputs", run).map((place) => STUDY.pools.files[place]);
  const list = (name) => differing(flat(pool(name, one)), flat(pool(name, other)));
  const seeds = one.seed === other.seed ? [] : [["seed", `${one.seed}`, `${other.seed}`]];
  return [
    ...differences("Settings", ["Setting", "first", "second"], [...seeds, ...list("settings")]),
    ...differences("Metrics, of those that tables show", ["Metric", "first", "second", "second − first"], metrics),
    ...differences("Input files", ["File", "first", "second"], differing(inputs(one), inputs(other))),
    ...differences("Packages and machine", ["", "first", "second"], [...list("packages"), ...list("machine"), ...list("git")]),
  ];
}

function open(cell) {
  const note = cell.note ? make("p", `Published value: ${cell.note}`) : null;
  present(`${cell.row}, ${cell.header}`, cell.summary, [note, ...body(cell)]);
}

function present(heading, summary, content) {
  const close = make("button.close", "Close");
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  const title = make("h2", heading);
  title.id = "provenance-title";
  const head = make("header", make("div", title, make("p", summary)), close);
  dialog.replaceChildren(head, make("div.body", ...content));
  dialog.showModal();
  dialog.scrollTop = 0;
  close.focus();
}

function describe(element) {
  const header = element.closest("table").tHead.rows[0].cells[element.cellIndex];
  const text = (name) => element.querySelector(`.${name}`)?.textContent;
  const parts = [["here", "here"], ["print", "published"], ["gap", "difference"], ["gain", "gain"]];
  return {
    table: element.closest("table").dataset.table,
    row: element.parentElement.dataset.title ?? element.parentElement.cells[0].firstChild.textContent.trim(),
    header: header.dataset.title ?? header.textContent.trim(),
    column: header.dataset.column,
    metric: header.dataset.metric,
    note: element.dataset.note,
    network: element.dataset.network,
    runs: element.dataset.runs ? runsOf(element.dataset.runs) : [],
    summary: parts.filter(([name]) => text(name)).map(([name, said]) => `${said} ${text(name).trim()}`).join(", ").replace(/^./, (letter) => letter.toUpperCase()),
  };
}

// A cell with runs becomes a button. A table is one stop of the Tab key; arrow keys move in it.
function openable(element) {
  const button = make("button", ...element.childNodes);
  const cell = describe(element.appendChild(button).parentElement);
  button.type = "button";
  button.tabIndex = -1;
  button.ariaLabel = `${cell.row}, ${cell.header}: ${cell.summary}`;
  button.addEventListener("click", () => open(describe(element)));
}

function move(event) {
  const cell = event.target.closest("td");
  if (!cell) return;
  const rows = [...cell.closest("tbody").rows].filter((row) => row.checkVisibility());
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!step) return;
  let [row, column] = [rows.indexOf(cell.parentElement) + step[0], cell.cellIndex + step[1]];
  while (rows[row]?.cells[column] && !rows[row].cells[column].querySelector("button")) [row, column] = [row + step[0], column + step[1]];
  const next = rows[row]?.cells[column]?.querySelector("button");
  event.preventDefault();
  next?.focus();
}

for (const table of document.querySelectorAll("table:has(td[data-runs], td[data-network])")) {
  const cells = [...table.querySelectorAll("td[data-runs], td[data-network]")];
  cells.forEach(openable);
  cells[0].firstChild.tabIndex = 0;
  table.addEventListener("keydown", move);
  table.addEventListener("focusin", (event) => {
    if (!event.target.closest("td")) return;
    for (const button of table.querySelectorAll("td button[tabindex='0']")) button.tabIndex = -1;
    event.target.tabIndex = 0;
  });
}
for (const cell of document.querySelectorAll("td[data-curve]")) {
  cell.append(chart(runsOf(cell.dataset.curve), "tune_map", true) ?? "");
}
function compareForm(form) {
  const find = (name) => STUDY.runs.find((run) => run.folder === form.elements[name].value.trim());
  const options = STUDY.runs.map((run) => Object.assign(document.createElement("option"), { value: run.folder }));
  form.querySelector("datalist").append(...options);
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [one, other] = [find("one"), find("other")];
    form.querySelector("output").textContent = one && other ? "" : "Choose two runs from the list.";
    if (one && other) present("Two runs", `First ${one.folder}, second ${other.folder}`, both(one, other));
  });
}
document.querySelectorAll(".two").forEach(compareForm);
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // outside of it
});
