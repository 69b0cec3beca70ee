"""Do the schedules fit the run's length?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="schedule-does-not-fit",
    order=180,
    title="the schedules do not fit the run's length",
    meaning="Rates, betas and gammas go from their first value to their last one over burn_in_nimg pictures. In a "
    "shorter run they never arrive; where rates have fallen to nearly nothing long before the end, the rest of the run "
    "changes hardly anything.",
    source="our own rule",
    grave=False,
    of_length=True,
    remedies=(
        Remedy("schedules as long as the recipe has them in a run of this length", {"burn_in_nimg": "recipe"}),
        Remedy("schedules as long as the run; give its length as --burn-in-nimg"),
    ),
)

EARLY, LITTLE = 0.2, 0.2
"""The schedule's share of the run, and the share that the rates fall to."""


def look(start: Start) -> Seen | None:
    """The schedules end beyond the run, or rates below ``LITTLE`` of their first value are reached before ``EARLY``; at
    a rate of 0, before the end."""
    burn_in, total = start.number("burn_in_nimg"), start.number("total_nimg", 1.0)
    end = start.number("lr_end", 1.0)
    told = f"burn_in_nimg is {burn_in:,.0f}, and total_nimg {total:,.0f}"
    if burn_in > 1.05 * total:
        return Seen(f"{told}: the schedules never arrive", "certain")
    early = EARLY if end else 0.95
    if 0 < burn_in < early * total and end < LITTLE:
        return Seen(f"{told}: from then on the rates stay at {end:g} of their first value", "certain")
    return None
