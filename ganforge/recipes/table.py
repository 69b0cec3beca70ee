"""The recipes that ganforge comes with.

Costs are of two CPU cores (benchmarks/results/recipe_speed.md). Measured figures are of as many pictures of MNIST as
two cores see in five minutes: means over 3 seeds with their standard deviation (benchmarks/results/family.md). FD is
FD/classifier, of which fresh pictures have 0.065.
"""

from typing import Any

from ganforge.recipes.record import Recipe

MNIST: dict[str, Any] = {"data": "mnist", "max_images": 50_000}
"""The note's: the first 50,000 training pictures; 10 epochs of them are the default length, 500,000."""
CIFAR10 = "hub:uoft-cs/cifar10"
DCGAN: dict[str, Any] = {
    "generator": "dcgan", "discriminator": "dcgan", "z_dim": 100, "lr": 2e-4, "total_nimg": 400_000,
}  # fmt: skip
"""The networks, noise and learning rate of DCGAN (Radford et al. 2016, arXiv:1511.06434), with a quarter of its
channels, for a CPU."""
FAST = DCGAN | {
    "g_width": 16, "d_width": 16, "batch_size": 64, "lr": 1e-3, "d_lr": 4e-4, "lr_end": 0.1, "burn_in_share": 1.0,
    "ema_halflife_nimg": 10_000, "ema_rampup": True, "total_nimg": 250_000, "snapshot_nimg": 32_000,
}  # fmt: skip
R3GAN: dict[str, Any] = {
    "g_width": 768, "d_width": 768, "blocks": 2, "group_size": 16, "batch_size": 512, "lr": 2e-4,
    "ema_rampup": False, "ema_burn_in": True, "precision": "bfloat16",
}  # fmt: skip
"""R3GAN as published (Huang et al. 2024, arXiv:2501.05441, table 9, and its code)."""
WITHOUT_NORM: dict[str, Any] = {"d_norm": "unnormalised"}
"""No batch norm in a D whose gradient is penalised."""

RECIPES = [
    Recipe(
        name="note",
        summary="The simple GAN of the tutorial note: fully connected, on MNIST, non-saturating loss, 10 epochs.",
        source="a tutorial note on GANs in PyTorch (docs/sources.md); loss: Goodfellow et al. 2014, arXiv:1406.2661.",
        expect="digits that are recognisable but not complete, because the networks are only fully connected.",
        measured="FD 4.04 ± 0.39, precision 0.77, recall 0.77, coverage 0.68 after 2,180,000 pictures.",
        cost="500,000 pictures, 72 seconds on two CPU cores (benchmarks/results/note_run.md).",
        settings=MNIST,
    ),
    Recipe(
        name="fast",
        summary="Our own settings for good digits in a CPU's minute: a narrow DCGAN, D slower than G, an average of "
        "G's weights.",
        source="none but trial on MNIST; two learning rates after Heusel et al. 2017, arXiv:1706.08500, though there D "
        "is the faster one.",
        expect="clean digits, some of them of no known kind; the note's quality within seconds "
        "(benchmarks/results/time_to_quality.md).",
        measured="FD 4.8 ± 0.35, precision 0.79, recall 0.85, coverage 0.61 after 628,000 pictures; told the class, FD "
        "0.666 ± 0.042.",
        cost="250,000 pictures, 2 minutes on two CPU cores.",
        settings=FAST,
    ),
    Recipe(
        name="r1",
        summary="`fast` for the long run: D without batch norm, and R1, a penalty on its slope at reals, in every "
        "16th update.",
        source="R1 by Mescheder et al. 2018, arXiv:1801.04406, lazily by Karras et al. 2020, arXiv:1912.04958; all "
        "else is `fast`'s, but that the learning rates fall to a hundredth.",
        expect="D and G stay level, where `fast`'s D wins in the end; with --conditional the best digits so far.",
        measured="FD 3.71 ± 0.21, precision 0.80, recall 0.88, coverage 0.71 after 668,000 pictures; told the class, "
        "FD 0.36 ± 0.0098.",
        cost="1,000,000 pictures, 8 minutes on two CPU cores.",
        settings=FAST
        | WITHOUT_NORM
        | {"r1_gamma": "auto", "penalty_interval": 16, "lr_end": 0.01, "total_nimg": 1_000_000},
    ),
    Recipe(
        name="photo",
        summary="Our own settings for photographs and other colour pictures: no checkerboard, R1, mirrored pictures.",
        source="trial on photographs of 32 x 32 (docs/recipes.md); R1 by Mescheder et al. 2018, "
        "arXiv:1801.04406, in every 16th update; D sees pictures shifted, by Zhao et al. 2020, arXiv:2006.10738.",
        expect="with --conditional, cars, ships, horses that are seen at once, and animals without a plan; without it "
        "and at larger sizes it is not measured.",
        measured="told the class, after 800,000 photographs of 32 x 32, 2 seeds: FD/own 0.47 (fresh photographs 0.10), "
        "agreement 68 % (72 %), recall 0.91 (0.94).",
        cost="1,000,000 photographs of 32 x 32, about an hour of one CPU core.",
        settings=WITHOUT_NORM
        | {"generator": "smooth", "discriminator": "smooth", "z_dim": 64, "noise": "normal", "batch_size": 32}
        | {"lr": 1e-3, "beta1": 0.0, "beta2": 0.99, "burn_in_share": 1.0, "lr_end": 0.02, "mirror": True}
        | {"r1_gamma": 0.3, "penalty_interval": 16, "augment": "translation", "total_nimg": 1_000_000}
        | {"ema_halflife_nimg": 20_000, "ema_rampup": True},
    ),
    Recipe(
        name="dcgan",
        summary="Convolutions instead of full connections, batch norm in both networks, the note's loss.",
        source="Radford et al. 2016, arXiv:1511.06434: Adam at 2e-4 with beta1 = 0.5, batches of 128, z of 100 "
        "numbers, uniform.",
        expect="strokes that hold together, where the note has loose pixels.",
        measured="FD 9.49 ± 1.1, precision 0.66, recall 0.89, coverage 0.30 after 350,000 pictures.",
        cost="400,000 pictures, 6 minutes on two CPU cores.",
        settings=DCGAN,
    ),
    Recipe(
        name="lsgan",
        summary="DCGAN's networks with squared errors: D's logits are drawn to 1 for reals and 0 for fakes, G's to 1.",
        source="Mao et al. 2017, arXiv:1611.04076, equation 9: batches of 64.",
        expect="by its paper, steadier learning and better pictures than with the note's loss.",
        measured="FD 7.56 ± 0.25, precision 0.72, recall 0.87, coverage 0.44 after 316,000 pictures.",
        cost="400,000 pictures, 6 minutes on two CPU cores.",
        settings=DCGAN | {"objective": "lsgan", "batch_size": 64},
    ),
    Recipe(
        name="wgan",
        summary="The Wasserstein distance, estimated by a critic whose weights are clipped; the critic learns most of "
        "the time.",
        source="Arjovsky et al. 2017, arXiv:1701.07875, and its code: RMSprop at 5e-5, clipping at 0.01, batches of "
        "64, five updates of D for one of G, a hundred for each of the first 25 and every 500th.",
        expect="a slow start, as the first 25 of about 750 updates of G take 160,000 of the pictures; after 410,000, "
        "still no digits.",
        measured="FD 145 ± 19, precision 0.02, recall 0.00, coverage 0.00 after 410,000 pictures.",
        cost="400,000 pictures, 5 minutes and more on two CPU cores.",
        settings=DCGAN
        | {"objective": "wgan", "clip": 0.01, "optimizer": "rmsprop", "lr": 5e-5, "batch_size": 64}
        | {"d_steps": 5, "wgan_schedule": True, "shared_noise": False, "noise": "normal"},
    ),
    Recipe(
        name="wgan-gp",
        summary="The Wasserstein distance with a penalty on the critic's slope instead of clipping.",
        source="Gulrajani et al. 2017, arXiv:1704.00028, and its MNIST script: weight 10, Adam at 1e-4 with betas "
        "(0.5, 0.9), batches of 50, five updates of D for one of G, no norm in D. The script has no norm in G either, "
        "and z of 128: --paper mnist. That learns later: after 60,000 pictures FD was 227 so, and 171 as it is here "
        "(one seed), without digits in either.",
        expect="by its paper, stable play with many networks and hardly any tuning; here a slow start.",
        measured="FD 22.6 ± 0.46, precision 0.44, recall 0.84, coverage 0.09 after 220,000 pictures.",
        cost="400,000 pictures, 7 minutes on two CPU cores.",
        settings=DCGAN
        | WITHOUT_NORM
        | {"objective": "wgan", "gp_weight": 10.0, "lr": 1e-4, "beta2": 0.9, "batch_size": 50}
        | {"d_steps": 5, "shared_noise": False, "noise": "normal"},
        papers={
            "mnist": MNIST
            | {"z_dim": 128, "g_norm": "unnormalised", "g_width": 64, "d_width": 64, "g_base_size": 4, "d_base_size": 4}
            | {"total_nimg": 50_000_000, "snapshot_nimg": 250_000, "checkpoint_nimg": 1_000_000},
        },
        papers_differ="Filters are of 4 x 4 pixels, where the script has 5 x 5; D's last convolution has 128 channels, "
        "there 256; pictures lie in [-1, 1], there in [0, 1], so that its penalty sees slopes twice as steep. How "
        "often is saved is our own. The run has not been made to its end yet.",
    ),
    Recipe(
        name="dragan",
        summary="The note's loss with a penalty on D's slope around the reals.",
        source="Kodali et al. 2017, arXiv:1705.07215: weight 10, Adam at 2e-4 with beta1 = 0.5, batches of 64.",
        expect="by its paper, faster and steadier learning, with fewer lost modes, than the note's loss.",
        measured="FD 10.1 ± 0.48, precision 0.70, recall 0.87, coverage 0.36 after 201,000 pictures.",
        cost="400,000 pictures, 9 minutes on two CPU cores.",
        settings=DCGAN | WITHOUT_NORM | {"dragan_weight": 10.0, "batch_size": 64},
    ),
    Recipe(
        name="sngan",
        summary="Residual networks, hinge loss, and a D whose every layer is spectrally normalised.",
        source="Miyato et al. 2018, arXiv:1802.05957, and its code: Adam at 2e-4 with betas (0, 0.9), batches of 64, "
        "for G of 128, five updates of D for one of G (there G's comes first), learning rates falling to 0 along a "
        "line: a run made longer afterwards learns nothing more. With --conditional, projection: arXiv:1802.05637.",
        expect="few updates of G in a run of this length, 1,250: give it a longer one.",
        measured="FD 40.5 ± 13, precision 0.43, recall 0.40, coverage 0.05 after 214,000 pictures; not again since G's "
        "batches were doubled and D's blocks made as in the code.",
        cost="400,000 pictures, 10 minutes on two CPU cores.",
        settings={"generator": "resnet", "discriminator": "resnet", "objective": "hinge", "z_dim": 128}
        | {"noise": "normal", "d_steps": 5, "shared_noise": False, "batch_size": 64, "g_batch_factor": 2}
        | {"lr": 2e-4, "beta1": 0.0, "beta2": 0.9, "burn_in_share": 1.0, "burn_in_curve": "linear", "lr_end": 0.0}
        | {"total_nimg": 400_000},
        papers={
            "cifar10": {"data": CIFAR10, "g_width": 256, "d_width": 128, "total_nimg": 16_000_000}
            | {"snapshot_nimg": 256_000, "checkpoint_nimg": 1_024_000},
        },
        papers_differ="G's turn comes after D's five; with --conditional, the labels of fakes are those of reals, and "
        "not drawn evenly as in the code. How often is saved is our own. The run has not been made to its end yet.",
    ),
    Recipe(
        name="r3gan",
        summary="A relativistic loss with R1 and R2, modern residual networks without any norm, an average of G's "
        "weights.",
        source="Huang et al. 2024, arXiv:2501.05441 (table 9, Stacked MNIST), scaled down to a CPU: its 10 million "
        "pictures and 768 channels become the run's own length and 8 to 64 channels. The burn-in is a fifth of the "
        "run, over which beta2 goes from 0.9 to 0.99 and gamma falls to a tenth. The average's half-life is a "
        "twentieth of the pictures so far, at most 20,000; the paper's rises to a twentieth of the run along the "
        "burn-in. The rule for gamma is our own: the squared gradient is a sum over a picture's numbers, so r1_gamma "
        'and r2_gamma are their count / 1000, which "auto" works out: 0.784 for MNIST, 3.072 for 32 x 32 in colour.',
        expect="the method for the long run: five minutes of a CPU are far too few for it, and its paper's size is for "
        "GPUs.",
        measured="FD 46.9 after 120,000 pictures, six minutes of one core beside other work (one seed); its hour is "
        "not measured yet. With 16 channels instead of 8, FD 94.2 after 60,000, as much work (one seed); with batches "
        "of 128, too, 77.1 ± 5.4 after 52,000 (3 seeds).",
        cost="1,500,000 pictures, about an hour of one CPU core: 550 images/s without other work, 325 with it.",
        settings=WITHOUT_NORM
        | {"generator": "r3gan", "discriminator": "r3gan", "objective": "relativistic", "shared_noise": False}
        | {"z_dim": 64, "noise": "normal", "batch_size": 64, "r1_gamma": "auto", "r2_gamma": "auto"}
        | {"lr": 5e-4, "beta1": 0.0, "beta2": 0.9, "burn_in_share": 0.2, "beta2_end": 0.99, "gamma_end": 0.1}
        | {"ema_halflife_nimg": 20_000, "ema_rampup": True, "total_nimg": 1_500_000, "g_width": 8, "d_width": 8},
        papers={
            "stacked-mnist": R3GAN
            | {"data": "stacked-mnist", "size": "32", "fit": "pad", "background": "black", "r1_gamma": 1.0}
            | {"r2_gamma": 1.0, "ema_halflife_nimg": 500_000, "total_nimg": 10_000_000, "snapshot_nimg": 256_000},
            "cifar10": R3GAN
            | {"data": CIFAR10, "conditional": True, "mirror": True, "augment": "ada", "r1_gamma": 0.05}
            | {"r2_gamma": 0.05, "lr_end": 0.25, "burn_in_share": 0.08, "ema_halflife_nimg": 5_000_000}
            | {"total_nimg": 250_000_000, "report_nimg": 256_000, "snapshot_nimg": 1_024_000}
            | {"checkpoint_nimg": 1_024_000, "checkpoint_sec": 1800.0},
        },
        papers_differ="For Stacked MNIST the length of z is that of the code's preset for CIFAR-10, and how many "
        "stacks the paper learned from is not known to us. For CIFAR-10 the augmentation's probability adapts to D, "
        "where the code raises it to 0.55 over the burn-in, and nothing is cut out of the pictures. How often is "
        "reported and saved is our own. Neither run has been made to its end yet.",
    ),
    Recipe(
        name="cgan",
        summary="The note's networks and loss, told each picture's class: columns of the grid show the classes in "
        "turn.",
        source="Mirza and Osindero 2014, arXiv:1411.1784; D tells the classes apart by projection (arXiv:1802.05637).",
        expect="in each column of the grid one class; better digits than the note's in the same time.",
        measured="FD 2.38 ± 0.2, precision 0.80, recall 0.65, coverage 0.72 after 2,079,000 pictures.",
        cost="500,000 pictures, a minute on two CPU cores.",
        settings=MNIST | {"conditional": True, "grid_size": 10},
    ),
]
