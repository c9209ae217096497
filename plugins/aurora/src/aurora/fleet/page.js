// Sorts, filters and searches the table that is in the page, and changes its theme. It makes no markup and asks nobody.
"use strict";
(() => {
  const body = document.querySelector("tbody");
  const rows = [...body.rows].map((row, place) => ({ row, place, text: row.cells[0].textContent.toLowerCase() }));
  const count = document.getElementById("count");
  const search = document.getElementById("search");
  const version = document.getElementById("version");
  const boxes = [...document.querySelectorAll("input[name=state]")];
  const heads = [...document.querySelectorAll("thead th")];
  const said = (number) => `${number.toLocaleString("en")} service${number === 1 ? "" : "s"}`;

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const { row, text } of rows) {
      const fits =
        (!states.size || states.has(row.dataset.state)) &&
        (!version.value || row.dataset.versions.split("\n").includes(version.value)) &&
        words.every((word) => text.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === rows.length ? said(shown) : `${shown.toLocaleString("en")} of ${said(rows.length)}`;
  }

  function sort(head, column) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const number = "number" in head.dataset;
    const key = ({ row }) => row.cells[column].dataset.key;
    const order = (one, other) => {
      const [a, b] = [key(one), key(other)];
      if (a === b) return one.place - other.place;
      if (a === "" || b === "") return a === "" ? 1 : -1; // what is not known comes last, both ways
      const less = number ? Number(a) - Number(b) : a < b ? -1 : 1;
      return down ? -less : less;
    };
    body.append(...[...rows].sort(order).map(({ row }) => row));
  }

  function theme() {
    const button = document.getElementById("theme");
    const root = document.documentElement;
    const wanted = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : wanted.matches);
    const say = () => button.setAttribute("aria-pressed", String(dark()));
    try {
      const kept = localStorage.getItem("aurora-theme");
      if (kept === "dark" || kept === "light") root.dataset.theme = kept;
    } catch {
      // a page from a file may have no storage: the choice is then of this visit
    }
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try {
        localStorage.setItem("aurora-theme", root.dataset.theme);
      } catch {
        // as above
      }
      say();
    });
    wanted.addEventListener("change", say);
    button.hidden = false;
    say();
  }

  heads.forEach((head, column) => head.firstChild.addEventListener("click", () => sort(head, column)));
  search.addEventListener("input", filter);
  version.addEventListener("change", filter);
  for (const box of boxes) box.addEventListener("change", filter);
  document.getElementById("clear").addEventListener("click", () => {
    search.value = version.value = "";
    for (const box of boxes) box.checked = false;
    filter();
  });
  document.getElementById("controls").hidden = false;
  theme();
  filter();
})();
