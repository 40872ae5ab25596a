"use strict";
// Replaces each static picture by a live chart. Where anything fails, the picture simply stays.
(() => {
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  let round = 0;

  async function draw(chart, theme) {
    const spec = JSON.parse(document.getElementById(chart.dataset.chart).textContent);
    const options = {
      ast: true, // the interpreter: expressions run without eval, which the page's policy forbids
      renderer: "svg",
      config: themes[theme],
      tooltip: { theme },
      actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
      downloadFileName: chart.dataset.chart,
    };
    chart.classList.add("is-live"); // first: a chart as wide as its container needs a visible one
    drawn.get(chart)?.finalize();
    drawn.delete(chart);
    try {
      drawn.set(chart, await window.vegaEmbed(chart.querySelector(".live"), spec, options));
    } catch (error) {
      chart.classList.remove("is-live");
      console.warn("A chart stays a picture:", error);
    }
  }

  async function drawAll() {
    const mine = ++round;
    for (const chart of document.querySelectorAll("[data-chart]")) {
      if (mine !== round) return; // the colour scheme changed again meanwhile
      await draw(chart, dark.matches ? "dark" : "light");
    }
    document.documentElement.dataset.drawn = "yes";
  }

  dark.addEventListener("change", drawAll);
  drawAll();

  // Paper cannot be clicked: print what is folded away, then fold it again.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((d) => !d.closest(".live"));
    opened.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
