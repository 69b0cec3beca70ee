"""A model card as hubs read it: a README.md whose front matter tells the figures, and a grid of pictures beside it."""

import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path, PurePath
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import read_plain, write_text_atomically
from ganforge.base.images import save_png
from ganforge.base.terminal import printable
from ganforge.data.catalog import DATA_SETS
from ganforge.data.draw import NUM_POINTS, draw_items
from ganforge.export.portable import sha256_of
from ganforge.run.folder import RunFolder
from ganforge.run.mends import MOST_MENDS, mends_in
from ganforge.run.stored_records import StoredRecord, read_evaluations, read_metrics
from ganforge.sampling.model import Model

README, GRID = "README.md", "grid.png"
SEEDS = range(64)
MARK = "\n<!-- made by ganforge, unchanged while this is the SHA-256 of all above: {} -->\n"
MAX_BYTES = 1 << 20
PRIVATE = {"data", "data_dir", "test_data", "init_from", "device", "threads"}
"""Settings that are not told, for they may be paths, or are the machine's."""


def write_card(model: Model, folder: RunFolder | None, out: Path, license: str | None = None) -> list[str]:
    """Write README.md and grid.png into the folder ``out``, which is made; returns sentences on what is missing.

    folder: the run's, for its data and figures; None for a snapshot by itself. license: as hubs write it, such as
    `cc-by-4.0`; None leaves it to be filled in. Raises UserError, writing nothing, where files of these names are there
    that ganforge did not make, or a card that was changed since.
    """
    refuse_changed(out / README)
    refuse_foreign(out / GRID)
    data, records, complaints = ({}, [], []) if folder is None else told_by_run(folder, model.nimg)
    text = card_text(model, data, records, license)
    out.mkdir(parents=True, exist_ok=True)
    save_png(draw_items(model.sample(seeds_of(model))), out / GRID)
    write_text_atomically(out / README, text + MARK.format(hashlib.sha256(text.encode()).hexdigest()))
    if not license:
        complaints.append("Its license is to be filled in: --license, such as cc-by-4.0.")
    if not records:
        complaints.append(f"It has no figures, for none were measured at {model.nimg:,} images: `ganforge evaluate`.")
    return complaints


def told_by_run(folder: RunFolder, nimg: int) -> tuple[dict[str, Any], list[StoredRecord], list[str]]:
    """What config.json says of the data; the records of figures at nimg, the newest by each protocol; complaints."""
    measured, complaints = read_metrics(folder)
    evaluated, more = read_evaluations(folder)
    records = {record.protocol.id: record for record in [*measured, *evaluated] if record.nimg == nimg}
    return folder.read_config()["data"], list(records.values()), complaints + more


def refuse_changed(path: Path) -> None:
    """Raise UserError where a file is at ``path`` that is not a card as ganforge wrote it."""
    try:
        text = read_plain(path, MAX_BYTES).decode()
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        text = ""
    above = text[: -len(MARK.format("0" * 64))]
    if text != above + MARK.format(hashlib.sha256(above.encode()).hexdigest()):
        raise UserError(
            f"The file {path} is not overwritten, since it is no card of ganforge's, or was changed since; choose "
            "another folder with --out."
        )


def card_text(model: Model, data: dict[str, Any], records: list[StoredRecord], license: str | None) -> str:
    """The whole README.md. data: of config.json, or empty. records: of the model's figures."""
    config, dataset = model.config, dataset_name(model.config.data)
    title = f"{config.recipe} on {dataset}"
    classes = f"{model.num_classes} classes: G is told which" if model.num_classes else "G is told no class"
    names = f" ({', '.join(map(printable, model.class_names))})" if model.class_names else ""
    told = {name: value for name, value in json.loads(config.model_dump_json()).items() if name not in PRIVATE}
    seeds, points = seeds_of(model), are_points(model)
    what = "points" if points else "pictures"
    return "\n".join(
        [
            "---",
            *front_matter(model, title, dataset, records, license),
            "---",
            "",
            f"# {title}",
            "",
            f"A generative adversarial network, trained with ganforge on {model.nimg:,} {what} shown to D.",
            "",
            f"![{seeds[-1] + 1:,} {what}, by the seeds 0 to {seeds[-1]:,}, none left out]({GRID})",
            "",
            f"- License: {license or '**to be filled in**'}",
            f"- {what.capitalize()}: {' x '.join(map(str, model.shape))}{' numbers' * points}; {classes}{names}",
            f"- Noise: z of {config.z_dim} numbers, {config.noise}",
            f"- Generator: {config.generator}, trained in {config.precision}",
            f"- Snapshot: the file `{model.path.name}` beside this card, SHA-256 {sha256_of(model)}",
            f"- Data: {dataset}" + told_of(data),
            "",
            "## Figures",
            "",
            *(figures(records, what) or [f"None were measured at {model.nimg:,} images."]),
            "",
            "## Recipe",
            "",
            f"`ganforge train {config.recipe}`; all settings but paths:",
            "",
            "```json",
            json.dumps(told, indent=1),
            "```",
            "",
            *mended(model, told),
            *how_to_load(model),
        ]
    )


def mended(model: Model, settings: dict[str, Any]) -> list[str]:
    """Lines of Markdown on the settings that were others in a part of the training; none where all stayed."""
    lines = [f"- {one.text}" for one in mends_in(model.mended, settings)[:MOST_MENDS]]
    return ["The training began with these, and was mended as it went:", "", *lines, ""] if lines else []


def how_to_load(model: Model) -> list[str]:
    """Lines of Markdown: with ganforge, and without."""
    config = model.config
    what, kind = ("points", "float32 [16, 2]") if are_points(model) else ("pictures", "uint8 [16, C, H, W]")
    law = "torch.randn(4, {})" if config.noise == "normal" else "torch.rand(4, {}) * 2 - 1"
    labels = f", torch.arange(4) % {model.num_classes}" if model.num_classes else ""
    return [
        "## How to load it",
        "",
        "With ganforge:",
        "",
        "```python",
        "import ganforge",
        "",
        f'{what} = ganforge.load("{model.path.name}").sample(range(16))  # {kind}',
        "```",
        "",
        "With PyTorch and safetensors alone:",
        "",
        "```python",
        loader(),
        f'generate, facts = load("{model.path.name}")',
        f"fakes = generate({law.format(config.z_dim)}{labels})  # float32 [4, ...] in [-1, 1]",
        "```",
        "",
    ]


def are_points(model: Model) -> bool:
    return len(model.shape) == 1


def seeds_of(model: Model) -> range:
    """What the picture beside the card shows: as many points as one of points usually has."""
    return range(NUM_POINTS) if are_points(model) else SEEDS


def loader() -> str:
    """The 40 lines of docs/sharing.md."""
    return (files("ganforge.export") / "loader.txt").read_text(encoding="utf-8")


def dataset_name(data: str) -> str:
    """Of the setting, without the folders of a path."""
    known = data in DATA_SETS or data.startswith(("hub:", "https://"))
    return printable(data if known else PurePath(data).name)


def told_of(data: dict[str, Any]) -> str:
    """How many items, and by which fingerprint they are known again."""
    if not data:
        return " (nothing more is known: the snapshot was taken without its run)"
    return f", {data.get('count', 0):,} items learned from, fingerprint {printable(str(data.get('fingerprint')))}"


def front_matter(model: Model, title: str, dataset: str, records: list[StoredRecord], license: str | None) -> list[str]:
    """Lines of YAML, each value as JSON, which YAML has within it."""
    task = "other" if are_points(model) else "unconditional-image-generation"
    kind = [] if are_points(model) else ["image-generation"]
    tags = ["ganforge", "gan", *kind, model.config.generator, model.config.recipe]
    lines = [f"license: {license}" if license else "# license: to be filled in, such as cc-by-4.0"]
    lines += ["library_name: ganforge", f"tags: {json.dumps(tags)}"]
    if not are_points(model):
        lines.append(f"pipeline_tag: {task}")
    results = [result(record, task, dataset) for record in records]
    if any(one["metrics"] for one in results):
        lines.append("model-index: " + json.dumps([{"name": title, "results": results}]))
    return lines


def result(record: StoredRecord, task: str, dataset: str) -> dict[str, Any]:
    """A record as an entry of `model-index`, which hubs read as ``eval_results``."""
    protocol = record.protocol
    return {
        "task": {"type": task},
        "dataset": {"name": dataset, "type": dataset, "split": protocol.split},
        "metrics": [
            {
                "type": re.sub(r"\W+", "-", name).lower(), "name": name, "value": figure.value,
                "args": {
                    "floor": figure.floor, "better": figure.better, "protocol": protocol.id,
                    "num_fakes": protocol.num_fakes, "num_reals": protocol.num_reals,
                },
            }
            for name, figure in record.figures.items() if figure.value is not None
        ],
    }  # fmt: skip


def figures(records: list[StoredRecord], what: str) -> list[str]:
    """Lines of Markdown: for each protocol a table with floors, and what the protocol was. what: was judged."""
    lines = []
    for record in records:
        protocol = record.protocol
        lines += ["| figure | value | fresh reals | better |", "|---|---:|---:|---|"]
        for name, figure in record.figures.items():
            value, floor = ("-" if one is None else f"{one:.4g}" for one in (figure.value, figure.floor))
            spread = "" if figure.spread is None else f" ± {figure.spread:.2g}"
            lines.append(f"| {name} | {value}{spread} | {floor} | {figure.better} |")
        features = ", ".join(f"{name} {digest}" for name, digest in protocol.extractors.items())
        lines += [
            "",
            f"Protocol {protocol.id}: {protocol.num_fakes:,} {what} judged against {protocol.num_reals:,} of the "
            f"{protocol.split} split; fresh reals: {protocol.num_floor:,} others of it, what a perfect generator would "
            f"reach; features: {features}.",
            "",
        ]
    return lines[:-1]
