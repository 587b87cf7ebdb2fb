// Bundles the parts of plotly.js that our figures need: `npm install && npm run build` here.
// The settings are plotly.js's own (its esbuild-config.js), minified.
import { build } from "esbuild";
import { environmentPlugin } from "esbuild-plugin-environment";
import { glsl } from "esbuild-plugin-glsl";
import inlineCss from "esbuild-plugin-inline-css";
import { copyFileSync, readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("node_modules/plotly.js/package.json"));
const assets = "../app/assets/plotly-explorer";
await build({
  entryPoints: ["entry.cjs"],
  outfile: `${assets}.min.js`,
  format: "iife",
  globalName: "Plotly",
  bundle: true,
  minify: true,
  banner: {
    js: `/**\n* plotly.js (explorer - minified) v${version}\n* Copyright Plotly, Inc.; MIT license\n*/`,
  },
  plugins: [inlineCss(), glsl({ minify: true }), environmentPlugin({ NODE_DEBUG: false })],
  alias: { regl: "@plotly/regl", stream: "stream-browserify" },
  define: { global: "window", "define.amd": "false" },
  target: "es2016",
});
copyFileSync("node_modules/plotly.js/LICENSE", `${assets}.LICENSE`);
