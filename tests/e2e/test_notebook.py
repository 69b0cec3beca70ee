"""Training from a notebook's cells, in a real kernel."""

import base64
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = [
    "import ganforge",
    "run = ganforge.train('note', data='digits', out='run', g_hidden=(32,), total_nimg=6_400, report_nimg=1_280)\nrun",
    "model = ganforge.load(run.path)\npictures = model.sample(range(9))\nprint(tuple(pictures.shape), pictures.dtype)",
    "ganforge.grid(pictures)",
    "run = ganforge.resume(run.path, total_nimg=7_680)\nprint(run.read_status()['state'], run.read_status()['nimg'])",
    "try:\n    ganforge.train('nota')\nexcept ganforge.UserError as error:\n    print(error)",
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook client's own dependencies
def test_train_load_sample_and_resume_in_cells(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [cell["outputs"] for cell in notebook.cells]

    def texts(cell: int) -> str:
        return "".join(o.get("text", "") + str(o.get("data", {}).get("text/plain", "")) for o in outputs[cell])

    grids = [o for o in outputs[1] if "image/png" in o.get("data", {})]
    assert len(grids) == 1, "one live grid, replaced as training goes on"
    # The display was updated in place: the cell's picture is the last grid, not the first.
    assert base64.b64decode(grids[0]["data"]["image/png"]) == (tmp_path / "run/fakes-000006400.png").read_bytes()
    assert "images/s" in texts(1)
    assert "RunFolder('run')" in texts(1)
    assert "(9, 1, 8, 8) torch.uint8" in texts(2)
    assert any("image/png" in o.get("data", {}) for o in outputs[3])
    assert "finished 7680" in texts(4)
    assert "did you mean 'note'?" in texts(5)
