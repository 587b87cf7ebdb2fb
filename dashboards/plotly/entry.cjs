// What our figures are drawn with. Of parcoords the "strict" form, which compiles no text:
// the pages' content security policies forbid that.
const Plotly = require("plotly.js/lib/core");
Plotly.register([
  require("plotly.js/lib/bar"),
  require("plotly.js/lib/heatmap"),
  require("plotly.js/lib/scatterternary"),
  require("plotly.js/src/traces/parcoords/strict"),
]);
module.exports = Plotly;
