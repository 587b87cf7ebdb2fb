"""Elements of a page, and their HTML. They carry text, never markup:
what comes from a study is escaped wherever it is shown."""

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

ATTRIBUTES = {"className": "class", "tabIndex": "tabindex", "htmlFor": "for", "colSpan": "colspan"}
# Of the live app alone: they mean nothing in plain HTML.
LIVE_ATTRIBUTES = ("children", "id", "style", "n_clicks", "key")
VOID = ("img", "br", "hr", "input")
VERBATIM = ("code", "pre")
CODE = r"`[^`\n]+`"  # of a text, as messages have it


@dataclass(frozen=True)
class Element:
    """An element of a page: `element` makes one."""

    tag: str
    children: tuple[Any, ...]
    attributes: dict[str, Any]

    def to_plotly_json(self) -> dict[str, Any]:
        """As a browser gets it (assets/still.js): short, since a table has thousands of cells."""
        children = self.children[0] if len(self.children) == 1 else list(self.children)
        return {"t": self.tag, "c": children, **self.attributes}


def element(tag: str, *children: Any, **attributes: Any) -> Element:
    """An element with these children: text, elements, lists of them, or None.

    What a text has between backticks is set as code, but in what is code already. Attributes are
    named as React names them (`className`), and an underscore is a hyphen: `aria_label="Pages"`.
    Those that are None are left out.
    """
    named = {
        name.replace("_", "-"): value for name, value in attributes.items() if value is not None
    }
    texts = children if tag in VERBATIM else tuple(map(_with_code, children))
    return Element(tag, texts, named)


def _with_code(child: Any) -> Any:
    """A child; of a text with `commands` its parts."""
    if not isinstance(child, str) or "`" not in child:
        return child
    parts = re.split(f"({CODE})", child)
    return [
        Element("code", (part.strip("`"),), {}) if number % 2 else part
        for number, part in enumerate(parts)
        if part
    ]


def link(text: Any, href: str) -> Element:
    """A link to another page of the live app."""
    return element("Link", text, href=href)


def whole_name(design: str) -> Element:
    """A design's name in a sentence: it goes on in the next line whole, where a line has room for
    it, and is copied as it is."""
    return element("span", design, className="name")


def joined(text: Any) -> str:
    """Text in which a number stays on one line with its unit, p with its value, the stages of
    depths=1-2-1 with one another, and ResNet-50 in itself; not what is code, which is copied."""
    parts = re.split(f"({CODE})", str(text))
    return "".join(part if number % 2 else _joined(part) for number, part in enumerate(parts))


def _joined(text: str) -> str:
    units = r"(?<=\d) (?=[%GMTk]\b|%)|(?<=\bp) (?=[=<])|(?<=\bp [=<]) "
    whole_names = re.sub(r"(?<=Net|eXt|FAR)-(?=\d)", "-\u2060", text)
    return whole_depths(re.sub(units, "\u00a0", whole_names))


def whole_depths(text: str) -> str:
    """Text in which the stages of depths=1-2-1 stay on one line; not those in a network's name,
    which is copied into commands."""
    return re.sub(
        r"(?<!\S)\w+=\d+(?:-\d+)+", lambda stages: stages[0].replace("-", "-\u2060"), text
    )


def to_html(node: Any, deeper: int = 0) -> str:
    """Elements, and Dash's components, as plain, escaped HTML.

    Figures and controls of Dash, which need the browser, leave their place empty. Headings are
    `deeper` by so many levels.
    """
    if node is None or isinstance(node, bool):
        return ""
    if isinstance(node, list | tuple):
        return "".join(to_html(child, deeper) for child in node)
    if not hasattr(node, "to_plotly_json"):
        return escape(str(node))
    if isinstance(node, Element):
        return _tagged(node.tag, node.children, node.attributes, deeper)
    described = node.to_plotly_json()
    kind, properties = described["type"], described["props"]
    if kind == "Still":
        return to_html(properties["content"], deeper)
    if kind != "Link" and described.get("namespace", "dash_html_components") != (
        "dash_html_components"
    ):
        return ""
    return _tagged(kind, properties.get("children"), properties, deeper)


def _tagged(kind: str, children: Any, properties: dict[str, Any], deeper: int) -> str:
    tag = "a" if kind == "Link" else kind.lower()
    if deeper and re.fullmatch("h[1-6]", tag):
        tag = f"h{int(tag[1]) + deeper}"
    attributes = "".join(
        f' {ATTRIBUTES.get(name, name)}="{escape(str(value))}"'
        for name, value in properties.items()
        if name not in LIVE_ATTRIBUTES and value is not None
    )
    if tag in VOID:
        return f"<{tag}{attributes}>"
    return f"<{tag}{attributes}>{to_html(children, deeper)}</{tag}>"


@cache
def resource(room: str, name: str) -> str:
    """The text of a file that belongs to a package, as "dashboards.page" and "page.css"."""
    return files(room).joinpath(name).read_text(encoding="utf-8")
