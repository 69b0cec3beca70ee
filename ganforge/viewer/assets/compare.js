// One slider over the grids of several runs. It asks the server for nothing but pictures.
(() => {
  const all = new Map();

  class Compare extends GanforgePlayer {
    constructor(root, { addresses, ids, moments }) {
      super(root, "compare", 250);
      Object.assign(this, { addresses, ids, moments });
      this.pictures = [...root.querySelectorAll(".gf-compare-grids figure")];
      this.show(moments.length - 1);
    }
    get count() { return this.moments.length; }
    get isReady() { return this.pictures.every((figure) => figure.querySelector("img").complete); }
    show(at) {
      this.place(at);
      const said = this.pictures.map((figure, index) => this.put(figure, index, (this.moments[this.at] ?? [])[index]));
      this.slider.setAttribute("aria-valuetext", (this.isAtEnd ? "newest: " : "") + said.join("; "));
    }
    put(figure, index, nimg) {
      const image = figure.querySelector("img"), where = figure.querySelector(".gf-where");
      const text = nimg == null ? "no grid yet" : `after ${nimg.toLocaleString("en")} pictures`;
      where.textContent = text;
      image.hidden = nimg == null;
      if (nimg == null) return text;
      const address = this.addresses[index] + nimg;
      if (image.getAttribute("src") !== address) {
        image.onerror = () => { where.textContent = `${text} (this picture is missing)`; };
        image.src = address;
        image.alt = `Fakes of ${this.ids[index]} ${text}`;
      }
      return text;
    }
  }

  window.ganforgeCompare = {
    make(id, facts) { const root = getHtmlElement(id); if (root) all.set(id, new Compare(root, facts)); },
    update(id, moments) { const player = all.get(id); player?.change(() => { player.moments = moments; }); },
  };
})();
