"""The headline figures of runs beside each other, over the images seen."""

from dataclasses import replace
from pathlib import Path

from ganforge.base.curves import save_curves
from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.terminal import printable
from ganforge.judging.comparison import Comparison, headline_chart, sides_of

NOTHING_TO_DRAW = "no run has a headline figure, such as FD or KID, which is what is drawn over the images seen."


def save_plot(comparison: Comparison, path: Path) -> bool:
    """Write the headline figures over nimg, a chart for each protocol, as a PNG; False, and no file, where there are
    none. Raises UserError where the file cannot be written."""
    names = [printable(str(run.path)) for run in comparison.runs]
    charts = [
        replace(chart, title=f"{chart.title}\n{sides_of(protocol)}")
        for protocol in comparison.protocols
        if (chart := headline_chart(comparison, protocol, names)) is not None
    ]
    if not charts:
        return False
    try:
        save_curves(charts, path)
    except OSError as error:
        raise UserError(f"The plot cannot be written: {reason(error)}; choose another place with --out.") from None
    return True
