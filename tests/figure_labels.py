"""What a browser shows of figures: whether names overlap or are cut, and whether lines are told
apart. Measured there, with the fonts and the sizes of the page."""

from typing import Any

# Every text of every figure: ticks, titles of axes, legends, and names at lines and marks.
MEASURE = """
() => {
  const shown = element => {
    const box = element.getBoundingClientRect();
    return {left: box.left, right: box.right, top: box.top, bottom: box.bottom};
  };
  const texts = plot => [...plot.querySelectorAll('.main-svg text')]
    .filter(text => text.textContent.trim() && getComputedStyle(text).display !== 'none')
    .filter(text => text.getBoundingClientRect().width > 0 && !text.closest('.scrollbar'))
    .map(text => ({text: text.textContent, ...shown(text)}));
  const looks = plot => plot.data
    .filter(trace => trace.x && trace.x[0] !== null && (trace.mode || '').includes('lines'))
    .filter(trace => trace.name && trace.fill !== 'toself' && trace.legendgroup)
    .map(trace => [trace.name, trace.line.color, trace.line.dash || 'solid']);
  return [...document.querySelectorAll('.js-plotly-plot')].map(plot => ({
    key: plot.closest('[data-figure]')?.dataset.figure || plot.parentElement.id,
    frame: shown(plot.querySelector('.main-svg')),
    texts: texts(plot),
    looks: looks(plot),
  }));
}
"""
MOST_EMPTY = 60  # pixels: half of a figure that has nothing to show
TOUCH = 1.5  # pixels by which boxes of lines of text may share: a box is higher than its letters


def figures(page: Any) -> list[dict[str, Any]]:
    """The figures of a page, each with its frame and its texts in pixels."""
    return list(page.evaluate(MEASURE))


def overlapping(figure: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of texts of which one stands on the other."""
    pairs, texts = [], figure["texts"]
    for number, one in enumerate(texts):
        for other in texts[number + 1 :]:
            width = min(one["right"], other["right"]) - max(one["left"], other["left"])
            height = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            if width > TOUCH and height > TOUCH:
                pairs.append((one["text"], other["text"]))
    return pairs


def cut(figure: dict[str, Any]) -> list[str]:
    """Texts that run out of their figure."""
    frame = figure["frame"]
    return [
        text["text"]
        for text in figure["texts"]
        if text["left"] < frame["left"] - TOUCH
        or text["right"] > frame["right"] + TOUCH
        or text["top"] < frame["top"] - TOUCH
        or text["bottom"] > frame["bottom"] + TOUCH
    ]


def alike(figure: dict[str, Any]) -> list[str]:
    """Lines that look like another one."""
    looks = [(color, dash) for _, color, dash in figure["looks"]]
    return [name for name, *look in figure["looks"] if looks.count(tuple(look)) > 1]


def empty(figure: dict[str, Any]) -> list[str]:
    """How much room a figure leaves empty below its lowest text, where that is much."""
    lowest = max((text["bottom"] for text in figure["texts"]), default=0.0)
    below = figure["frame"]["bottom"] - lowest
    return [f"{below:.0f} pixels below"] if below > MOST_EMPTY else []


def named(figure: dict[str, Any], name: str) -> bool:
    """Whether a name stands whole in a figure, be it in several lines."""
    return name.replace(" ", "") in "".join(text["text"] for text in figure["texts"]).replace(
        " ", ""
    )


# What of a page, its figures apart, a reader cannot see: text that runs out of the page or of its
# box, and on a phone an error for which a table of trainings must be scrolled.
BEYOND = """
() => {
  const root = document.documentElement, width = root.clientWidth, found = [];
  if (root.scrollWidth > width) found.push(['page', 'is wider than its window']);
  for (const node of document.querySelectorAll('main *, header *, footer *')) {
    if (node.closest('.js-plotly-plot, .skip')) continue;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    const what = `${node.tagName} ${node.textContent.slice(0, 60)}`;
    if (box.width && box.right > width + 1 && !node.closest('.scroll, .sideways, pre')) {
      found.push([what, 'runs out of the page']);
    }
    if (style.overflowX === 'hidden' && node.scrollWidth > node.clientWidth + 1) {
      found.push([what, 'is cut']);
    }
  }
  for (const cell of document.querySelectorAll('#study-trainings td:nth-child(3)')) {
    const right = cell.getBoundingClientRect().right;
    if (right > width) found.push([cell.textContent, 'is out of sight']);
  }
  if (width > 1000) {
    for (const frame of document.querySelectorAll('.scroll:has(> table)')) {
      if (frame.scrollWidth > frame.clientWidth + 1) {
        found.push([frame.getAttribute('aria-label'), 'must be scrolled']);
      }
    }
  }
  return found;
}
"""


def beyond_the_page(page: Any) -> list[list[str]]:
    """What of a page, its figures apart, is out of sight, and how."""
    return list(page.evaluate(BEYOND))


# What of a page's text, its figures included, is hard to read: less contrast with its ground than
# WCAG asks for (4.5), a short word that goes on in the next line, and marks of code as they are in
# messages.
UNREADABLE = """
() => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], ground) => [r, g, b].map((v, i) => a * v + (1 - a) * ground[i]);
  const light = color => color.slice(0, 3)
    .map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * v, 0);
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const groundOf = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e));
    return layers.map(style => style.backgroundColor)
      .map(color => /^rgb/.test(color) ? numbers(color) : [0, 0, 0, 0])
      .reduce((ground, color) => over(color, ground), [255, 255, 255]);
  };
  const opacityOf = element => {
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    return opacity;
  };
  const linesOf = (node, from, to) => {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
  };
  // Of words with hyphens, those that are whole: the stages of depths=1-2-1.
  const PLAIN = '[\\\\p{L}\\\\p{N}.,:;()=%]+';
  const STAGES = '\\\\w+=\\\\d+(?:-\\\\u2060?\\\\d+)+[,;.)]?';
  const WORDS = new RegExp(`(?<=^|\\\\s)(?:${PLAIN}|${STAGES})(?=\\\\s|$)`, 'gu');
  // Texts in bars stand on those.
  const LEFT_OUT = 'script, style, noscript, .bartext-inside';
  const found = [], nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = nodes.nextNode());) {
    const element = node.parentElement, style = getComputedStyle(element), text = node.textContent;
    const isShown = element.getBoundingClientRect().width && style.visibility !== 'hidden';
    if (!text.trim() || !isShown || element.closest(LEFT_OUT)) continue;
    const svg = element.closest('svg'), shown = text.trim().slice(0, 60);
    const ground = groundOf(svg?.parentElement ?? element);
    const ink = numbers(svg ? style.fill : style.color);
    const opacity = (ink[3] ?? 1) * opacityOf(element) * (svg ? Number(style.fillOpacity) : 1);
    if (!opacity) continue;
    const seen = over([...ink.slice(0, 3), opacity], ground);
    if (contrast(seen, ground) < 4.5) found.push([shown, `contrast ${contrast(seen, ground)}`]);
    if (element.closest('pre, code')) continue;
    if (text.includes('`')) found.push([shown, 'shows a backtick']);
    if (svg || linesOf(node, 0, text.length) < 2) continue;
    for (const word of text.matchAll(WORDS)) {
      const end = word.index + word[0].length, isBroken = linesOf(node, word.index, end) > 1;
      const isShort = word[0].replace(/\\u2060/g, '').length < 15;
      if (isShort && isBroken) found.push([shown, `breaks ${word[0]}`]);
    }
  }
  return found;
}
"""


def unreadable(page: Any) -> list[list[str]]:
    """What of a page's text is hard to read, and how."""
    return list(page.evaluate(UNREADABLE))
