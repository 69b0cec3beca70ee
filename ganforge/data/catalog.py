"""The data sets' names, for ``--help`` and for error messages; importing this loads nothing else."""

DATA_SETS: dict[str, str] = {
    "mnist": "handwritten digits, 60,000 pictures of 28 x 28, grey; found locally or downloaded (12 MB)",
    "stacked-mnist": "120,000 stacks of three such digits as red, green and blue; 1,000 kinds; 282 MB of memory",
    "digits": "handwritten digits, 1,797 pictures of 8 x 8, grey; comes with scikit-learn, needs no download",
    "ring": "50,000 points from 8 Gaussians on a circle; made on the spot",
    "grid": "50,000 points from 25 Gaussians on a 5 x 5 grid; made on the spot",
}
