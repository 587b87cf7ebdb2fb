"use strict";
// The table below parallel coordinates lists the lines that the reader's choices along the axes leave, the same in the live
// app and in a report: row i of the table is line i.
window.explorerBrush = (() => {
  const MOST_ROWS = 25;

  const within = (value, ranges) => {
    if (!ranges || !ranges.length) return true;
    const several = Array.isArray(ranges[0]) ? ranges : [ranges];
    return several.some(([low, high]) => low <= value && value <= high);
  };

  // `plot` is Plotly's element, `frame` holds the table.
  return (plot, frame) => {
    const lines = plot && plot.data && plot.data.find((trace) => trace.type === "parcoords");
    const rows = frame ? [...frame.querySelectorAll("tbody tr")] : [];
    if (!lines || !rows.length) return;
    const chosen = rows.map((_, i) => lines.dimensions.every((axis) => within(axis.values[i], axis.constraintrange)));
    let shown = 0;
    rows.forEach((row, i) => { row.hidden = !(chosen[i] && ++shown <= MOST_ROWS); });
    const count = chosen.filter(Boolean).length;
    const listed = count > MOST_ROWS ? `; the ${MOST_ROWS} with the lowest test error are listed` : "";
    frame.querySelector("[data-count]").textContent = `${count} of ${rows.length} designs chosen${listed}.`;
  };
})();
