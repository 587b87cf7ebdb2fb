"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const unpacked = (text) => {
    const packed = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]).stream();
    return new Response(packed.pipeThrough(new DecompressionStream("gzip"))).blob();
  };
  data.figures = JSON.parse(await (await unpacked(data.figures)).text());
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const options = { displayModeBar: false, responsive: true };
  const plots = [...document.querySelectorAll("[data-figure]")];

  // The title stands above the figure as text that wraps; a downloaded picture carries it itself.
  const bare = (layout, extra) => ({ ...layout, title: undefined, margin: { ...layout.margin, t: 10 }, height: undefined, ...extra });

  const isShown = (plot) => !plot.closest("[hidden]");

  // A figure of many arms is taller than the page's own height of figures (page.css).
  const draw = (theme, extra) => {
    for (const plot of plots.filter(isShown)) {
      const { data: traces, layout } = structuredClone(data.figures[plot.dataset.figure][theme]);
      const tall = data.heights[plot.dataset.figure];
      plot.style.height = tall ? `${tall}px` : "";
      const wide = data.widths[plot.dataset.figure];
      plot.style.minWidth = wide ? `${wide}px` : "";
      const drawn = Plotly.react(plot, traces, bare(layout, extra && extra.height && tall ? { ...extra, height: tall } : extra), options);
      const lines = plot.dataset.figure.endsWith("parallel") && plot.closest("section").querySelector("[data-lines]");
      if (lines) {
        drawn.then(() => {
          window.explorerBrush(plot, lines);
          plot.removeAllListeners("plotly_restyle");
          plot.on("plotly_restyle", () => window.explorerBrush(plot, lines));
        });
      }
    }
  };
  const now = () => (dark.matches ? "dark" : "light");

  const download = (href, name) => {
    const link = document.createElement("a");
    link.href = href;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { csv, picture } = button.dataset;
    if (csv) {
      const table = new Blob([await unpacked(data.tables[csv])], { type: "text/csv;charset=utf-8" });
      const address = URL.createObjectURL(table);
      download(address, `${data.names[csv]}.csv`);
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    }
    if (picture) {
      const figure = structuredClone(data.figures[picture].light);
      const layout = { ...figure.layout, width: 960, height: Math.max(540, figure.layout.height), autosize: false };
      const address = await Plotly.toImage({ data: figure.data, layout }, { format: "png", scale: 2 });
      download(address, `${data.names[picture]}.png`);
    }
  });

  // Of figures of which one is chosen, the others are drawn when they are.
  document.addEventListener("change", (event) => {
    const chooser = event.target.closest(".chooser");
    if (!chooser) return;
    for (const frame of chooser.querySelectorAll("[data-choice]")) frame.hidden = frame.dataset.choice !== event.target.value;
    draw(now());
  });

  dark.addEventListener("change", () => draw(now()));
  // Paper is light, and narrower than most windows.
  window.addEventListener("beforeprint", () => draw("light", { autosize: false, width: 660, height: 340 }));
  window.addEventListener("afterprint", () => draw(now(), { autosize: true }));
  draw(now());
})();
