"""Text becomes HTML in one place: escaped, code set as code, and names and numbers kept whole."""

from dashboards.analysis.tables import TextTable
from dashboards.page.elements import element, joined, to_html
from dashboards.page.parts import notes, quiet, section, table


def test_what_stands_between_backticks_is_code_wherever_a_text_is_shown() -> None:
    said = "stop early with `until: {margin: 0.5}` and <b>"
    html = "stop early with <code>until: {margin: 0.5}</code> and &lt;b&gt;"
    shown = table(TextTable(("Status",), ((said,),)), "Reasons")
    for part in (element("p", said), quiet(said), notes([said]), section(said), shown):
        assert html in to_html(part)
        assert "`" not in to_html(part)
    assert to_html(element("pre", "a `b`")) == "<pre>a `b`</pre>"
    assert to_html(element("p", "one ` alone")) == "<p>one ` alone</p>"


def test_names_and_numbers_stay_whole_and_code_can_be_copied() -> None:
    assert joined("ResNet-50 has 4.09 G, p < 0.001, depths=1-2-1") == (
        "ResNet-\u206050 has 4.09\u00a0G, p\u00a0<\u00a00.001, depths=1-\u20602-\u20601"
    )
    assert joined("run `match --set depths=1-2-1 5 M`") == "run `match --set depths=1-2-1 5 M`"
    assert joined("my-2-folder") == "my-2-folder"
