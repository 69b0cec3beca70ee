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
