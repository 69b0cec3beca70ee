"""What every page has: header, navigation, colours, a main region; and the small pieces that pages share.

Classes (assets/page.css) instead of Tailwind, which is switched off: gf-card, gf-cards (a grid of cards), gf-row,
gf-stack, gf-quiet, gf-small, gf-number, gf-table, gf-scroll, and gf-pixels for pictures that must not be smoothed.
Colours are CSS variables that follow light and dark: --ink, --quiet, --line, --card, --accent, --good, --warn, --bad.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from urllib.parse import quote, urlencode

from nicegui import ui

from ganforge.viewer.read.untrusted import encodable


@contextmanager
def frame(title: str, run: str | None = None) -> Iterator[None]:
    """The page around what is made in the context. title: the heading. run: the run's id, where the page shows one."""
    ui.page_title(encodable(f"{title} - ganforge"))
    ui.add_head_html('<link rel="stylesheet" href="/assets/page.css">')
    ui.add_head_html('<script src="/assets/page.js"></script><script src="/assets/copy.js"></script>')
    ui.html('<a class="gf-skip" href="#main">To the content</a>', sanitize=False)
    with ui.element("header").classes("gf-header"), ui.element("div").classes("gf-bar"):
        ui.link("ganforge", "/").classes("gf-brand")
        with ui.element("nav").classes("gf-nav").props('aria-label="Pages"'):
            for name, address in _destinations(run):
                link = ui.link(name, address)
                if ui.context.client.page.path.split("/")[1] == address.split("?")[0].split("/")[1]:
                    link.props("aria-current=page")
        button = ui.element("button").classes("gf-theme").props("type=button")
        button.on("click", js_handler="(event) => ganforgeTheme.next(event.currentTarget)")
    ui.run_javascript("ganforgeTheme.apply(document.querySelector('.gf-theme'))")
    with ui.element("div").classes("gf-main").props("id=main tabindex=-1"):
        heading(1, title)
        yield


def heading(level: int, text: str) -> ui.element:
    """<h1> to <h3> with a text."""
    return leaf(f"h{level}", text)


def text(words: str, classes: str = "") -> ui.label:
    """Plain text, never HTML; ``set_text`` changes it."""
    return ui.label(encodable(words)).classes(classes)


def show_text(label: ui.label, words: str) -> None:
    """Another text; without words, the label is not seen."""
    label.set_text(words)
    label.set_visibility(bool(words))


def picture(source: str, alternative: str) -> ui.element:
    """<img> with crisp pixels. source: an address, such as ``picture_address`` gives."""
    image = ui.element("img").classes("gf-pixels")
    image._props |= {"src": source, "alt": alternative, "decoding": "async"}
    return image


def set_prop(element: ui.element, name: str, value: str) -> None:
    """Another attribute, sent only if it is another."""
    if element._props.get(name) != value:
        element._props[name] = value
        element.update()


def leaf(tag: str, words: str) -> ui.element:
    """<th>, <td>, <summary>, ... with a plain text."""
    return ui.html(escape(encodable(words)), sanitize=False, tag=tag)


def button(name: str, classes: str = "") -> ui.html:
    """<button> with a plain text."""
    return ui.html(escape(name), sanitize=False, tag="button").classes(f"gf-button {classes}").props("type=button")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> ui.html:
    """A table of plain texts: one element however large it is; ``set_content(table_content(...))`` changes it."""
    return ui.html(table_content(head, rows), sanitize=False, tag="table").classes("gf-table gf-small")


def wide_table(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Numbers side by side, in a box that scrolls where the page is narrow: a row's first cell is its heading, and what
    ends with a star stands out."""
    with ui.element("div").classes("gf-scroll").props("tabindex=0 role=region") as box:
        box._props["aria-label"] = name
        table(head, rows).set_content(table_content(head, rows, are_named=True)).classes("gf-wide")


def table_content(head: Sequence[str], rows: Sequence[Sequence[str]], are_named: bool = False) -> str:
    """The inside of a <table>, all texts escaped. are_named: as in ``wide_table``."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = ""
    for row in rows:
        first = f'<th scope="row">{escape(row[0])}</th>' if are_named else ""
        body += f"<tr>{first}{''.join(_cell(cell, are_named) for cell in row[are_named:])}</tr>"
    return encodable(f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>")


def _cell(text: str, is_number: bool) -> str:
    classes = f' class="gf-number{" gf-best" * text.endswith("*")}"' if is_number else ""
    return f"<td{classes}>{escape(text)}</td>"


def complain(sentences: Sequence[str]) -> None:
    """Each sentence in a box that catches the eye."""
    for sentence in sentences:
        text(sentence, "gf-complaint").props("role=status")


def page_address(page: str, run: str) -> str:
    """/run/..., /explore/...: where a page shows a run."""
    return f"/{page}/{quote(run, safe='')}"


def picture_address(run: str, kind: str, nimg: int | None = None) -> str:
    """Where a run's picture is served. kind: fakes or nearest (with nimg), reals or evolution."""
    query = {"run": run} | ({"nimg": str(nimg)} if nimg is not None else {})
    return f"/picture/{kind}?{urlencode(query)}"


def _destinations(run: str | None) -> list[tuple[str, str]]:
    places = [("Runs", "/")]
    if run is not None:
        places += [("Run", page_address("run", run)), ("Explore", page_address("explore", run))]
    return [*places, ("Compare", f"/compare?{urlencode({'runs': run})}" if run else "/compare")]
