"""Settings that change over a training: pure functions of nimg, the real pictures shown to D so far.

A schedule goes from ``start`` to ``end`` over the burn-in and stays there; with both the same it is that constant, to
the bit.
"""

import math

EMA_RAMPUP = 0.05


def is_due(nimg: int, images: int, every_nimg: int) -> bool:
    """Did the step of so many images that ended at ``nimg`` reach a multiple of ``every_nimg``? (At 0, before any step:
    yes.)"""
    return nimg // every_nimg > (nimg - images) // every_nimg


def linear(nimg: int, start: float, end: float, burn_in_nimg: int) -> float:
    """Along a straight line. A burn-in as long as the run and end = 0 is the usual linear decay."""
    if nimg >= burn_in_nimg:
        return end
    return start + (end - start) * nimg / burn_in_nimg


def cosine(nimg: int, start: float, end: float, burn_in_nimg: int) -> float:
    """Along half a cosine, level at both ends: Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5.

    R3GAN's schedule of lr, beta2, gamma and the EMA's half-life: Huang et al. 2024, arXiv:2501.05441, table 9.
    """
    if nimg >= burn_in_nimg:
        return end
    return start + (end - start) * (1 - math.cos(math.pi * nimg / burn_in_nimg)) / 2


def ramped_halflife(nimg: int, halflife_nimg: float, rampup: float = EMA_RAMPUP) -> float:
    """Half-life of the EMA in pictures: ``halflife_nimg``, but at most the share ``rampup`` of nimg.

    So that the first, bad weights are forgotten soon. Karras et al. 2020, arXiv:2006.06676, in its code. It is 0 at
    nimg = 0: the average is then G itself.
    """
    return min(halflife_nimg, rampup * nimg)


def critic_steps(g_step: int, usual: int = 5) -> int:
    """D's steps before G's ``g_step``-th, counted from 0: 100 for the first 25 and for every 500th, else ``usual``.

    WGAN's, so that the critic is near its optimum early and again now and then: Arjovsky et al. 2017,
    arXiv:1701.07875, in its code.
    """
    return 100 if g_step < 25 or g_step % 500 == 0 else usual
