"use strict";
// Draws the parts of a page that have no controls (`Still` in pages/parts.py), each as one component.
(() => {
  const create = window.React.createElement;

  // A link within the app: the page changes, the app stays.
  const follow = (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const { pathname, search } = new URL(event.currentTarget.href);
    window.dash_clientside.set_props("url", { pathname, search });
    window.scrollTo(0, 0);
  };

  // What is folded away is not drawn before it is opened.
  const Details = ({ attributes, children: [summary, ...rest] }) => {
    const [open, setOpen] = window.React.useState(false);
    const follow = (event) => setOpen(event.currentTarget.open);
    return create("details", { ...attributes, onToggle: follow }, draw(summary), ...(open ? draw(rest).flat(Infinity) : []));
  };

  // Text becomes text nodes, never markup.
  const draw = (node) => {
    if (Array.isArray(node)) return node.map(draw);
    if (node === null || typeof node !== "object") return node;
    const { t: tag, c: children, ...attributes } = node; // `Element` in dashboards/page/elements.py
    if (tag === "Link") return create("a", { ...attributes, onClick: follow }, ...[draw(children)].flat(Infinity));
    if (tag === "details") return create(Details, { attributes }, ...children);
    return create(tag, attributes, ...[draw(children)].flat(Infinity));
  };

  window.resnext_explorer = { Still: ({ content }) => create(window.React.Fragment, null, ...draw(content)) };
})();
