"use strict";
// Makes the tables sortable by their headers; without it they stand in the order of their rows.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...sorted([...body.rows], column, descending));
    });
  });
}

// What is unknown comes last in both directions; equal rows keep their order.
function sorted(rows, column, descending) {
  const unknown = (row) => row.cells[column].dataset.unknown !== undefined;
  const known = rows.filter((row) => !unknown(row));
  known.sort((a, b) => compare(a.cells[column], b.cells[column]) * (descending ? -1 : 1));
  return [...known, ...rows.filter(unknown)];
}

function compare(a, b) {
  if (a.dataset.value !== undefined && b.dataset.value !== undefined) {
    return Number(a.dataset.value) - Number(b.dataset.value);
  }
  return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
}
