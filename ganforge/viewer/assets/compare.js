// One slider over the grids of several runs. It asks the server for nothing but pictures.
(() => {
  const all = new Map();
  const FRAME_MS = 250;

  class Compare {
    constructor(root, { addresses, ids, moments }) {
      Object.assign(this, { addresses, ids, moments, timer: null });
      this.pictures = [...root.querySelectorAll(".gf-compare-grids figure")];
      this.slider = root.querySelector(".gf-compare-slider");
      this.play = root.querySelector(".gf-compare-play");
      this.slider.addEventListener("input", () => { this.stop(); this.show(Number(this.slider.value)); });
      this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
      this.show(moments.length - 1);
    }
    show(at) {
      this.at = Math.max(0, Math.min(at, this.moments.length - 1));
      Object.assign(this.slider, { max: Math.max(0, this.moments.length - 1), value: this.at });
      this.slider.disabled = this.play.disabled = this.moments.length < 2;
      const newest = this.at === this.moments.length - 1;
      const said = this.pictures.map((figure, index) => this.put(figure, index, (this.moments[this.at] ?? [])[index]));
      this.slider.setAttribute("aria-valuetext", (newest ? "newest: " : "") + said.join("; "));
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
    start() {
      if (this.at === this.moments.length - 1) this.at = -1;
      this.play.textContent = "Pause";
      this.timer = setInterval(() => {
        if (this.pictures.every((figure) => figure.querySelector("img").complete)) this.show(this.at + 1);
        if (this.at === this.moments.length - 1) this.stop();
      }, FRAME_MS);
    }
    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.play.textContent = "Play";
    }
    // Whoever looks at the newest grids goes on doing so.
    update(moments) {
      const follows = this.at === this.moments.length - 1 && !this.timer;
      this.moments = moments;
      this.show(follows ? moments.length - 1 : this.at);
    }
  }

  window.ganforgeCompare = {
    make(id, facts) { const root = getHtmlElement(id); if (root) all.set(id, new Compare(root, facts)); },
    update(id, moments) { all.get(id)?.update(moments); },
  };
})();
