"""The headline figures of runs beside each other, over the images seen."""

from collections.abc import Iterable
from pathlib import Path

from ganforge.base.curves import Panel, save_curves
from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.terminal import printable
from ganforge.judging.comparison import Comparison, Run, headline_curves, sides_of
from ganforge.run.stored_records import StoredProtocol

NOTHING_TO_DRAW = "no run has a headline figure, such as FD or KID, which is what is drawn over the images seen."


def save_plot(comparison: Comparison, path: Path) -> bool:
    """Write the headline figures over nimg, a panel for each protocol, as a PNG; False, and no file, where there are
    none. Raises UserError where the file cannot be written."""
    panels = [panel for protocol in comparison.protocols if (panel := _panel(comparison.runs, protocol)).curves]
    if not panels:
        return False
    try:
        save_curves(panels, path)
    except OSError as error:
        raise UserError(f"The plot cannot be written: {reason(error)}; choose another place with --out.") from None
    return True


def _panel(runs: Iterable[Run], protocol: StoredProtocol) -> Panel:
    """The headline figure of the runs that have one; perhaps of none."""
    found = headline_curves(runs, protocol)
    curves = {printable(str(path)): points for path, points in found.curves.items()}
    return Panel(f"{found.name}, protocol {protocol.id}\n{sides_of(protocol)}", curves, found.floors)
