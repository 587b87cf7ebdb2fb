"use strict";
// What pages do without asking the server: keep the address in step with the controls, follow clicks, follow the reader's setting.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)");
  const look = () => ({ theme: dark.matches ? "dark" : "light", touch: touch.matches });
  const none = () => window.dash_clientside.no_update;

  for (const setting of [dark, touch]) {
    setting.addEventListener("change", () => window.dash_clientside.set_props("look", { data: look() }));
  }

  // Dash calls its lists of checkboxes listboxes, which to a screen reader hides the boxes inside: they are groups of plain inputs.
  const correctRoles = () => {
    for (const list of document.querySelectorAll(".choices[role=listbox]")) {
      list.setAttribute("role", "group");
      list.setAttribute("aria-label", list.closest("fieldset").querySelector("legend").textContent);
    }
    for (const option of document.querySelectorAll(".choices [role=option]")) {
      option.removeAttribute("role");
      option.removeAttribute("aria-selected");
    }
    for (const option of document.querySelectorAll(".choices [aria-selected]")) option.removeAttribute("aria-selected");
  };
  new MutationObserver(correctRoles).observe(document.documentElement, { childList: true, subtree: true });

  // The address is replaced, not pushed: going back leaves the page instead of undoing one choice after the other.
  const remember = (pairs) => {
    const query = new URLSearchParams(pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")).toString();
    window.history.replaceState(window.history.state, "", window.location.pathname + (query ? `?${query}` : ""));
    return none();
  };
  // What is chosen further down a study's page, by its name in the address.
  const FURTHER = ["quantity", "pair"];
  const address = () => new URLSearchParams(window.location.search);
  // The parts of a study's page (`PARTS` in pages/parts.py), each drawn for the choice of the number it was last asked for: what is
  // in view or near it at once, the others once nothing has been chosen for a while: the stalest first, and one at a time, so that
  // the next choice need not wait for them.
  const A_WHILE = { choice: 2000, look: 1000 }; // milliseconds: who takes away arm after arm chooses again within these
  const PATIENCE = 20000; // for one part: an answer that fails says nothing, and the others wait no longer
  const parts = { wanted: 0, stamp: "", asked: {}, since: {}, drawn: {}, near: new Set(), isQuiet: false, timer: 0 };
  const name = (part) => part.dataset.part;
  // The parts that show an earlier choice, which say so.
  const markStale = () => {
    const every = [...document.querySelectorAll("#page [data-part]")];
    const stale = every.filter((part) => parts.drawn[name(part)] !== parts.wanted);
    for (const part of every) part.setAttribute("aria-busy", stale.includes(part));
    return stale;
  };
  const arrange = () => {
    const ask = (part) => {
      parts.asked[name(part)] = parts.wanted;
      parts.since[name(part)] = Date.now();
      window.setTimeout(arrange, PATIENCE);
      window.dash_clientside.set_props(part.id, { "data-due": parts.wanted });
    };
    const stale = markStale();
    const left = stale.filter((part) => parts.asked[name(part)] !== parts.wanted);
    const near = left.filter((part) => parts.near.has(part));
    const isDrawing = stale.some((part) => !left.includes(part) && Date.now() - parts.since[name(part)] < PATIENCE);
    near.forEach(ask);
    if (near.length || isDrawing || !parts.isQuiet || !left.length) return;
    const age = (part) => parts.wanted - (parts.drawn[name(part)] || 0);
    ask(left.reduce((oldest, part) => (age(part) > age(oldest) ? part : oldest)));
  };
  const watcher = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) parts.near[isIntersecting ? "add" : "delete"](target);
    arrange();
  }, { rootMargin: "50% 0px" });

  // What is shown whole after a choice of these, on another axis or with something laid over. Plotly tells only the zooms that the reader
  // makes, so the one that is given up is forgotten here: at once, since an answer may be overtaken, and then the browser drops it.
  const ANEW = { beside: ["error", "differences"], "cost-by": ["cost"], quantity: ["trend"] };
  const forgetZooms = () => {
    for (const { prop_id: id } of window.dash_clientside.callback_context.triggered) {
      for (const key of ANEW[id.split(".")[0]] || []) window.dash_clientside.set_props(key, { relayoutData: null });
    }
  };

  let zooms = {}; // of the page's figures: Plotly tells only what it changed last, one axis, or another size

  const values = (options) => options.map((option) => (typeof option === "object" ? option.value : option));
  const chosen = (key, value) => {
    if (!value) return [];
    return value.length ? value.map((choice) => [key, choice]) : [[key, " "]];
  };

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    explorer: {
      look: (_, before) => (before ? none() : look()),

      arrived: () => {
        // React fills the page after this returns.
        window.requestAnimationFrame(() => {
          const heading = document.querySelector("#page .study b") || document.querySelector("#page h1");
          document.title = heading ? `${heading.textContent} · resnext-explorer` : "resnext-explorer";
          for (const link of document.querySelectorAll("nav a")) {
            if (link.getAttribute("href") === window.location.pathname) link.setAttribute("aria-current", "page");
            else link.removeAttribute("aria-current");
          }
        });
        return none();
      },

      // Of many arms with a few taken away those are named: 600 names make an address that no one can send.
      choice: (arms, statuses, seeds, everyArm, everyStatus) => {
        const kept = new Set(arms);
        const without = values(everyArm).filter((arm) => !kept.has(arm));
        const few = without.length < kept.size;
        return {
          arms: few ? null : arms, without: few ? without : [], seeds,
          statuses: statuses.length === everyStatus.length ? null : statuses,
        };
      },

      allDue: (number, stamp) => {
        if (!number) return none(); // no figure is drawn yet
        const isNew = number === 1; // another page
        const isLook = !isNew && stamp !== parts.stamp; // the study has moved on, and nothing was chosen
        if (isNew) {
          Object.assign(parts, { asked: {}, drawn: {} });
          zooms = {};
        }
        Object.assign(parts, { wanted: number, stamp, isQuiet: isNew });
        markStale(); // at once: what is in view is known only after the browser has painted
        // A study that moves on at every look puts nothing off.
        if (!isLook || !parts.timer) {
          window.clearTimeout(parts.timer);
          parts.timer = window.setTimeout(() => {
            Object.assign(parts, { isQuiet: true, timer: 0 });
            arrange();
          }, isLook ? A_WHILE.look : A_WHILE.choice);
        }
        // Each is looked at anew: what is in view may have been drawn for another page.
        watcher.disconnect();
        parts.near.clear();
        document.querySelectorAll("#page [data-part]").forEach((part) => watcher.observe(part));
        return none();
      },

      drawn: (number) => {
        if (!number) return none(); // the part is new
        const [{ prop_id: id }] = window.dash_clientside.callback_context.triggered;
        parts.drawn[id.slice("part-".length, -".data-drawn".length)] = number;
        arrange();
        return none();
      },

      zoomed: (zoom) => {
        const key = window.dash_clientside.callback_context.triggered[0].prop_id.split(".")[0];
        const axis = (setting) => setting.split(".")[0];
        const moved = new Set(Object.keys(zoom || {}).map(axis));
        const rest = zoom ? Object.entries(zooms[key] || {}).filter(([setting]) => !moved.has(axis(setting))) : [];
        zooms[key] = { ...Object.fromEntries(rest), ...zoom };
        return rest.length ? zooms[key] : none();
      },

      study: (choice, order, page, cost, beside, ownCost) => {
        forgetZooms();
        return remember([
          ...chosen("arm", choice.arms),
          ...choice.without.map((arm) => ["without", arm]),
          ...chosen("status", choice.statuses),
          ["seeds", choice.seeds],
          ["order", order === "arm" ? "" : order],
          ["page", page > 1 ? page : ""],
          ["cost", cost === ownCost ? "" : cost],
          ["beside", beside],
          ...FURTHER.map((name) => [name, address().get(name)]),
        ]);
      },

      further: (value) => {
        forgetZooms();
        const name = window.dash_clientside.callback_context.triggered[0].prop_id.split(".")[0];
        return remember([...[...address()].filter(([key]) => key !== name), [name, value]]);
      },

      turn: (back, on, page) => {
        const pressed = window.dash_clientside.callback_context.triggered[0];
        if (!pressed || !pressed.value) return none();
        return Math.max(1, (page || 1) + (pressed.prop_id.startsWith("page-on") ? 1 : -1));
      },

      open: (click, study) => {
        const data = click && click.points[0] && click.points[0].customdata;
        // Only the mark of a single training says which design and seed it is.
        if (!data || data.length < 2) return none();
        const design = new DOMParser().parseFromString(data[0], "text/html").documentElement.textContent;
        return `/study/${encodeURIComponent(study)}/trial/${encodeURIComponent(design)}/${data[1]}`;
      },

      brush: () => {
        const listed = () => {
          const plot = document.querySelector("#parallel .js-plotly-plot");
          window.explorerBrush(plot, document.querySelector("#study-lines"));
        };
        const pressed = window.dash_clientside.callback_context.triggered;
        const isChoice = pressed.length === 1 && pressed[0].prop_id === "parallel.restyleData";
        window.setTimeout(listed, isChoice ? 0 : 50); // a new table once it is drawn, and the figure above it
        return none();
      },

      sought: (words, order) => remember([["sought", words], ["by", order === "newest" ? "" : order]]),

      compared: (studies) => remember((studies || []).map((name) => ["study", name])),

      twoDesigns: (first, second) => remember([["first", first], ["second", second]]),

      shown: (click) => {
        const data = click && click.points[0] && click.points[0].customdata;
        return data ? data[0] : none();
      },

      design: (reference, factor, by, solve, most, multiple, policy, resolution, channels, classes, shown) => remember([
        ["reference", reference], ["factor", factor], ["by", by], ["solve", solve], ["most", most], ["multiple", multiple],
        ["policy", solve === "depths" ? policy : ""], ["resolution", resolution], ["in_channels", channels],
        ["classes", classes], ["shown", shown],
      ]),
    },
  });
})();
