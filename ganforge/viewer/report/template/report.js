// The buttons beside commands.
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => ganforgeCopy(button));
}

// Moving through the grids. Without a script, the last one stands, and a few on paper.
for (const player of document.querySelectorAll(".player")) {
  const frames = [...player.querySelectorAll(".frame")];
  const slider = player.querySelector("input");
  const play = player.querySelector(".play");
  let timer = 0;
  const show = (at) => {
    frames.forEach((frame, index) => frame.classList.toggle("on", index === at));
    slider.value = at;
    slider.setAttribute("aria-valuetext", `after ${frames[at].dataset.nimg} pictures`);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  };
  const start = () => {
    if (Number(slider.value) === frames.length - 1) show(0);
    timer = setInterval(() => {
      const at = Number(slider.value) + 1;
      if (at < frames.length) show(at);
      if (at >= frames.length - 1) stop();
    }, Math.min(500, 6000 / frames.length));
    play.textContent = "Stop";
    play.setAttribute("aria-pressed", "true");
  };
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  play.addEventListener("click", () => (timer ? stop() : start()));
  show(frames.length - 1);
  if (frames.length > 1) player.querySelector(".controls").hidden = false;
}
