"use strict";
// Tables sort and filter, charts tell their values, and one of several records shows. Without this script all of a page
// stands there, in the order of its rows.

const FEWEST_FILTERED = 6; // Rows of a table that is worth a filter.
const NEAR = 40; // Pixels from a point at which it counts as pointed at.

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function labelled(label, control) {
  return made("label", {}, made("span", { textContent: label }), control);
}

// Tables -------------------------------------------------------------------------------------------------------------

function rowsOf(table) {
  return [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.classList.contains("group"));
}

// Groups keep their place; their rows are sorted. What is unknown comes last in both directions; equal rows keep their order.
function sort(table, column, descending) {
  const unknown = (row) => row.cells[column].dataset.unknown !== undefined;
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
    const known = rows.filter((row) => !unknown(row));
    known.sort((a, b) => compare(a.cells[column], b.cells[column]) * (descending ? -1 : 1));
    body.append(...known, ...rows.filter(unknown));
  }
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
}

function compare(a, b) {
  if (a.dataset.value !== undefined && b.dataset.value !== undefined) {
    return Number(a.dataset.value) - Number(b.dataset.value);
  }
  return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}

// Shows the rows that hold every word, of their own or of their group's heading; returns how many.
function filter(table, words) {
  let shown = 0;
  for (const body of table.tBodies) {
    const group = body.querySelector("tr.group");
    const common = group ? group.textContent.toLowerCase() : "";
    let any = false;
    for (const row of body.rows) {
      if (row === group) continue;
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase() + " " + common;
      row.hidden = !words.every((word) => text.includes(word));
      any = any || !row.hidden;
      shown += row.hidden ? 0 : 1;
    }
    body.hidden = !any;
  }
  return shown;
}

function filterBox(table) {
  const count = made("output", { className: "count" });
  const box = made("input", { type: "search", autocomplete: "off" });
  const total = rowsOf(table).length;
  box.addEventListener("input", () => {
    const shown = filter(table, box.value.toLowerCase().split(/\s+/).filter(Boolean));
    count.textContent = shown === total ? "" : `${shown} of ${total} rows`;
  });
  return [labelled("Filter", box), count];
}

// Where rows are cards there are no headers to sort by.
function sortBox(table, heads) {
  const choice = made("select", {}, made("option", { value: "", textContent: "as given" }));
  heads.forEach((head, column) => {
    if (!head.textContent.trim()) return;
    choice.append(made("option", { value: `${column}`, textContent: head.textContent }));
    choice.append(made("option", { value: `${column} down`, textContent: `${head.textContent}, descending` }));
  });
  const original = [...table.tBodies].map((body) => [body, [...body.rows]]);
  choice.addEventListener("change", () => {
    if (choice.value) return sort(table, Number.parseInt(choice.value, 10), choice.value.endsWith("down"));
    original.forEach(([body, rows]) => body.append(...rows));
    heads.forEach((head) => head.removeAttribute("aria-sort"));
  });
  const label = labelled("Sort by", choice);
  label.className = "sort-by";
  return label;
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const several = rowsOf(table).length > 1;
  const tools = made("div", { className: "tools" });
  if (rowsOf(table).length >= FEWEST_FILTERED) tools.append(...filterBox(table));
  if (several) tools.append(sortBox(table, heads));
  if (tools.hasChildNodes()) table.closest(".scroll").before(tools);
  heads.forEach((head, column) => {
    if (!several || !head.textContent.trim()) return;
    const button = made("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, column, head.getAttribute("aria-sort") === "ascending"));
  });
}

// What scrolls is a stop of the keyboard, and only that.
const measured = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
document.querySelectorAll(".scroll").forEach((region) => measured.observe(region));

// Charts -------------------------------------------------------------------------------------------------------------

for (const plot of document.querySelectorAll(".plot")) {
  const spots = [...plot.querySelectorAll("[data-tip]")];
  if (!spots.length) continue;
  const across = (spot) => Number.parseFloat(spot.getAttribute("x"));
  spots.sort((a, b) => across(a) - across(b));
  const tip = made("div", { className: "tip", hidden: true });
  tip.setAttribute("role", "status");
  plot.append(tip);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", `${plot.getAttribute("aria-label")} The arrow keys read its values.`);
  let current = -1;

  const show = (index) => {
    spots[current]?.classList.remove("near");
    current = index;
    tip.hidden = index < 0;
    if (index < 0) return;
    const spot = spots[index];
    spot.classList.add("near");
    tip.textContent = spot.dataset.tip;
    const frame = plot.getBoundingClientRect();
    const at = center(spot);
    const left = at.x - frame.left - tip.offsetWidth / 2;
    const above = at.y - frame.top - tip.offsetHeight - 14;
    tip.style.left = `${Math.max(0, Math.min(left, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${above < 0 ? at.y - frame.top + 14 : above}px`;
  };
  const nearest = (event) => {
    let best = -1;
    let least = NEAR;
    spots.forEach((spot, index) => {
      const at = center(spot);
      const distance = Math.hypot(at.x - event.clientX, at.y - event.clientY);
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  };
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  plot.addEventListener("pointermove", (event) => show(nearest(event)));
  plot.addEventListener("pointerleave", () => show(-1));
  plot.addEventListener("focus", () => show(0));
  plot.addEventListener("blur", () => show(-1));
  plot.addEventListener("keydown", (event) => {
    const last = spots.length - 1;
    if (event.key in steps) show(Math.max(0, Math.min(last, current + steps[event.key])));
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(last);
    else if (event.key === "Escape") show(-1);
    else return;
    event.preventDefault();
  });
}

function center(spot) {
  const box = spot.getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
}

// One of several -----------------------------------------------------------------------------------------------------

for (const choice of document.querySelectorAll(".choice")) {
  const parts = [...choice.querySelectorAll(":scope > .part")];
  if (parts.length < 2) continue;
  const names = parts.map((part) => made("option", { textContent: part.dataset.name }));
  const select = made("select", {}, ...names);
  const update = () => parts.forEach((part, index) => (part.hidden = index !== select.selectedIndex));
  select.addEventListener("change", update);
  choice.prepend(made("div", { className: "tools" }, labelled(choice.dataset.label, select)));
  update();
}
