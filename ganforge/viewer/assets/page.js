// What the page does by itself, without asking the server: colours, numbers, live curves, the player of grids.
(() => {
  const themes = ["auto", "light", "dark"];
  const wanted = () => localStorage.getItem("ganforge-theme") ?? "auto";
  const dress = () => Quasar.Dark.set({ auto: "auto", light: false, dark: true }[wanted()]);
  window.ganforgeTheme = {
    apply(button) {
      dress();
      const label = `Colours: ${wanted()}`;
      button?.setAttribute("aria-label", label);
      if (button) button.textContent = label;
    },
    next(button) {
      localStorage.setItem("ganforge-theme", themes[(themes.indexOf(wanted()) + 1) % themes.length]);
      this.apply(button);
    },
  };

  // 64000 -> 64 k
  window.ganforgeShort = (value) => {
    for (const [unit, sign] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]])
      if (Math.abs(value) >= unit) return `${+(value / unit).toPrecision(3)}${sign}`;
    return `${value}`;
  };

  const LONGEST = 4000;
  // Add rows to charts that are shown: {chart id: [[points of series 0], [points of series 1], ...]}.
  window.ganforgeAppend = (news) => {
    for (const [id, lines] of Object.entries(news)) {
      const chart = getElement(Number(id))?.chart;
      if (!chart) continue;
      const series = chart.getOption().series.map((line, index) => {
        let data = line.data.concat(lines[index] ?? []);
        if (data.length > LONGEST) data = data.filter((_, at) => at % 2 === 0 || at > LONGEST / 2);
        return { data, showSymbol: data.length < 30 };
      });
      chart.setOption({ series });
    }
  };
})();

// Pictures that are shown smaller than they are look better smoothed; all others are kept crisp.
document.addEventListener("load", ({ target: image }) => {
  if (image instanceof HTMLImageElement && image.classList.contains("gf-pixels"))
    image.classList.toggle("gf-shrunk", image.naturalWidth > image.clientWidth * devicePixelRatio * 1.01);
}, true);

// A slider and a button that plays. Heirs say how many places there are (count) and show one (show, which calls place).
window.GanforgePlayer = class {
  constructor(root, name, frameMs) {
    Object.assign(this, { root, frameMs, at: 0, timer: null, loop: false });
    for (const part of ["image", "slider", "play", "where"]) this[part] = root.querySelector(`.gf-${name}-${part}`);
    this.slider.addEventListener("input", () => { this.stop(); this.show(Number(this.slider.value)); });
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.start()));
  }
  get isAtEnd() { return this.at === this.count - 1; }
  get isReady() { return true; }
  place(at) {
    this.at = Math.max(0, Math.min(at, this.count - 1));
    Object.assign(this.slider, { min: 0, max: Math.max(0, this.count - 1), value: this.at });
    this.slider.disabled = this.play.disabled = this.count < 2;
  }
  start() {
    if (this.isAtEnd) this.show(0);
    this.play.textContent = "Pause";
    this.timer = setInterval(() => {
      if (!this.root.isConnected) { this.stop(); return; }
      if (this.isReady) this.show(this.isAtEnd ? 0 : this.at + 1);
      if (this.isAtEnd && !this.loop) this.stop();
    }, this.frameMs);
  }
  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }
  // There are other places now: whoever looks at the last one goes on doing so.
  change(take) {
    const follows = this.isAtEnd && !this.timer;
    take();
    this.show(follows ? this.count - 1 : this.at);
  }
};

// The player of a run's grids over training time. It asks the server for nothing but pictures.
(() => {
  const players = new Map();

  class Grids extends GanforgePlayer {
    constructor(root, { address, alternative, nimgs }) {
      super(root, "player", 200);
      Object.assign(this, { address, alternative, nimgs });
      this.image.addEventListener("error", () => { this.where.textContent += " (this picture is missing)"; });
      this.show(nimgs.length - 1);
    }
    get count() { return this.nimgs.length; }
    get isReady() { return this.image.complete; }
    show(at) {
      this.place(at);
      if (!this.nimgs.length) { this.where.textContent = "no grid yet"; this.image.removeAttribute("src"); return; }
      const nimg = this.nimgs[this.at], text = `${nimg.toLocaleString("en")} images`;
      this.image.src = this.address + nimg;
      this.image.alt = `${this.alternative} at ${text}`;
      this.slider.setAttribute("aria-valuetext", text);
      this.where.textContent = `${text}, grid ${this.at + 1} of ${this.nimgs.length}`;
    }
  }

  window.ganforgeGrids = {
    make(id, facts) { const root = getHtmlElement(id); if (root) players.set(id, new Grids(root, facts)); },
    update(id, nimgs) { const player = players.get(id); player?.change(() => { player.nimgs = nimgs; }); },
  };
})();
