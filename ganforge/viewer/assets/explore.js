// What the explore page does without asking the server: arrow keys in the grid of pictures, the player of a walk.
(() => {
  const press = (grid, row) => {
    for (const cell of grid.querySelectorAll(".gf-cell")) {
      const chosen = Number(cell.dataset.row) === row;
      cell.setAttribute("aria-pressed", chosen);
      cell.tabIndex = chosen ? 0 : -1;
    }
  };
  const columns = (grid) => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

  window.ganforgeCells = {
    // A click on a picture -> its row, or nothing.
    picked(event) {
      const cell = event.target.closest(".gf-cell");
      if (!cell) return null;
      const row = Number(cell.dataset.row);
      press(cell.parentElement, row);
      return row;
    },
    // A new page of pictures after an arrow key led there: the focus goes along.
    focus(row) {
      const cell = document.querySelector(`.gf-cells .gf-cell[data-row="${row}"]`);
      if (!cell) return;
      press(cell.parentElement, row);
      cell.focus();
    },
  };

  // Arrow keys lead from picture to picture; from the first and the last on to the page before and after.
  document.addEventListener("keydown", (event) => {
    const grid = document.querySelector(".gf-cells");
    const inGrid = event.target.closest?.(".gf-cells");
    if (!grid?.offsetParent || event.altKey || event.ctrlKey || event.metaKey || (!inGrid && event.target !== document.body)) return;
    const cells = [...grid.querySelectorAll(".gf-cell")];
    const chosen = cells.findIndex((cell) => cell.getAttribute("aria-pressed") === "true");
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(grid), ArrowDown: columns(grid) }[event.key];
    if (!step || !cells.length || (!inGrid && Math.abs(step) > 1)) return;
    event.preventDefault();
    const next = cells[chosen + step];
    if (next) { next.focus(); next.click(); return; }
    document.querySelector(step < 0 ? ".gf-earlier" : ".gf-later")?.click();
  });

  // The player of a walk: frames that are here already.
  const players = new Map();
  class Walk extends GanforgePlayer {
    constructor(root) {
      super(root, "walk", 60);
      Object.assign(this, { frames: [], names: [] });
      this.slider.addEventListener("change", () => this.tell());
    }
    get count() { return this.frames.length; }
    load({ frames, names, loop }) {
      this.stop();
      Object.assign(this, { frames, names, loop });
      this.show(0);
      this.tell();
    }
    show(at) {
      this.place(at);
      this.image.src = this.frames[this.at];
      this.image.alt = this.where.textContent = this.names[this.at];
      this.slider.setAttribute("aria-valuetext", this.names[this.at]);
    }
    stop() {
      if (!this.timer) return;
      super.stop();
      this.tell();
    }
    tell() { this.root.dispatchEvent(new CustomEvent("stand", { detail: this.at })); }
  }
  window.ganforgeWalk = {
    show(id, facts) {
      const root = getHtmlElement(id);
      if (!root) return;
      if (players.get(id)?.root !== root) players.set(id, new Walk(root));
      players.get(id).load(facts);
    },
  };
})();
