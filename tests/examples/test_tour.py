"""The notebook of the tour runs from its first cell to its last, and shows what it promises."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tour.ipynb"


def test_the_notebook_is_small_and_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert NOTEBOOK.stat().st_size < 20_000


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook after a run of one epoch and two seeds, in a folder of its own."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("tour")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])
    ]
    parameters.source = "epochs, seeds = 1, 2"
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("RESNEXT_EXPLORER_STORAGE", raising=False)
        patched.setenv("OMP_NUM_THREADS", "1")
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        return client.execute()


def html_of(notebook: nbformat.NotebookNode, source: str) -> list[str]:
    """The HTML that the cell of this code showed, an item an output."""
    (cell,) = [cell for cell in notebook.cells if cell.source.strip().endswith(source)]
    return [
        output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})
    ]


@pytest.mark.heavy
def test_designs_and_results_show_themselves(executed: nbformat.NotebookNode) -> None:
    (table,) = html_of(executed, "\nsuggestions")
    assert "resnext_1-1-1_1x38d_w16_small16" in table  # the reference of digits_cardinality
    (suggestion,) = html_of(executed, "suggestions[0]")
    assert "data:image/svg+xml;base64," in suggestion
    (designs,) = html_of(executed, ".designs")
    assert designs.count("<tr>") == 5
    (study,) = html_of(executed, "study")
    assert "<p>8 of 8 pairs are complete.</p>" in study
    assert "<strong>" in study
    figures = [
        output.data["application/vnd.plotly.v1+json"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(figures) == 2


@pytest.mark.heavy
def test_progress_is_one_output_that_ends_full(executed: nbformat.NotebookNode) -> None:
    (bars,) = html_of(executed, "study.run(workers=2)")
    assert bars.startswith('<div><progress value="1" max="1"></progress> 8 of 8 pairs')
    (cell,) = [cell for cell in executed.cells if cell.source == "study.run(workers=2)"]
    lines = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    assert "8 of 8 pairs complete." in lines
    assert "seed 0: validation error" not in lines
