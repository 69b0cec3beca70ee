"""Hostile archives and arrays: 140 files that unpack to much, lie in their headers, or name what is not theirs."""

import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from attack import arrays, runs
from attack.outcome import Attempt
from attack.packing import GOOD, Write, big_entry, put, sparse, zipped
from attack.pictures import encoded
from ganforge.cli.main import main

PNG = b"\x89PNG\r\n\x1a\n"


def json_bomb(path: Path) -> None:
    """180 x 3 MiB of `{},`, with strings between that keep the ratio low."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for held in GOOD.items():
            archive.writestr(*held)
        with archive.open("dataset.json", "w", force_zip64=True) as file:
            file.write(b'{"labels":[')
            for _ in range(180):
                file.write(b"{}," * (1 << 20) + b'"' + random.Random(0).randbytes(9000).hex().encode() + b'",')
            file.write(b"1]}")


def zips() -> dict[str, Write]:
    names = [*GOOD]
    deep = zipped(("inner.zip", zipped(("../../../ESC.png", GOOD["000.png"]))))
    listings: dict[str, bytes] = {
        "deep": b"[" * 300_000, "nan": b'{"labels":[["000.png",NaN]]}', "inf": b'{"labels":[["000.png",1e999]]}',
        "digits": json.dumps({"labels": [[name, "9" * 4000] for name in names]}).encode(),
        "long number": b'{"labels":[["000.png",' + b"9" * 5000 + b"]]}",
        "escapes": json.dumps({"labels": [[name, f"c\x1b[2J\n{at % 3}"] for at, name in enumerate(names)]}).encode(),
        "surrogates": b'{"labels":[["000.png","\\ud8000"],["001.png","\\ud8001"]]}',
        "a list": b"[1,2]", "a word": b'{"labels":"x"}', "not UTF-8": b"\xff\xfe{",
        "wrong pairs": b'{"labels":[[1,2,3],[]]}',
        "a path": b'{"labels":[["../../../../etc/passwd",1]]}', "true": b'{"labels":[["000.png",true]]}',
    }  # fmt: skip
    escapes = [(f"class\x1b[31m\x1b[2J/{at}.png", encoded("PNG", at, 8)) for at in range(3)]
    odd = [
        "e\x1b[2J\x1b]0;p\x07.png",
        "new\nline.png",
        "\u202egnp.exe.png",
        "x" * 60_000 + ".png",
        "a" * 300 + "/b.png",
    ]
    paths = ["../../../../ESC.png", "/tmp/ESC.png", "a\\..\\..\\ESC.png", "C:\\ESC.png", "//host/ESC.png", "~/ESC.png"]
    cases: dict[str, Write] = {
        "bomb.zip: 540 MB of dataset.json": json_bomb,
        "bomb.zip: a picture of 4 GiB": big_entry("big.png", PNG, 1 << 32),
        "bomb.zip: a picture of 1 GiB, badly packed": big_entry("big.png", PNG, 1 << 30, noise=1 << 16),
        "paths.zip: names that climb": partial(put, zipped(*((name, GOOD["000.png"]) for name in paths))),
        "names.zip: names with escapes, broken": partial(put, zipped(*((name, b"broken") for name in odd))),
        "names.zip: names with escapes, whole": partial(put, zipped(*((name, GOOD["001.png"]) for name in odd))),
        "classes.zip: classes with escapes": partial(put, zipped(*escapes, good=False)),
        "nested.zip": partial(put, deep),
        "many.zip: 60,000 entries": partial(put, zipped(*((f"{at}.png", b"") for at in range(60_000)))),
    }  # fmt: skip
    cases |= {f"listing.zip: {name}": partial(put, zipped(("dataset.json", held))) for name, held in listings.items()}
    return cases | {"overlap.zip: 4,000 names for one entry": overlapping, "lies.zip: 4 GB declared": declaring}


def overlapping(path: Path) -> None:
    whole = zipped()
    start, end = whole.index(b"PK\1\2"), whole.rindex(b"PK\5\6")
    one = whole[start : whole.index(b"PK\1\2", start + 4)]
    entries = b"".join(one.replace(b"000.png", b"%03x.png" % at) for at in range(4000))
    tail = bytearray(whole[end:])
    struct.pack_into("<HHII", tail, 8, 4000, 4000, len(entries), start)
    path.write_bytes(whole[:start] + entries + tail)


def declaring(path: Path) -> None:
    content = bytearray(zipped(("big.png", b"x" * 100)))
    struct.pack_into("<I", content, content.rfind(b"PK\1\2") + 24, 4_000_000_000)
    path.write_bytes(content)


def tars() -> dict[str, Write]:
    def tar(*more: tuple[str, bytes, str, bytes]) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, kind, link, held in [*((name, tarfile.REGTYPE, "", held) for name, held in GOOD.items()), *more]:
                info = tarfile.TarInfo(name)
                info.type, info.linkname, info.size, info.devmajor, info.devminor = kind, link, len(held), 1, 5
                archive.addfile(info, io.BytesIO(held))
        return stream.getvalue()

    def long_name(path: Path) -> None:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 6 << 30
        sparse(info.tobuf(tarfile.GNU_FORMAT), (6 << 30) + 4096)(path)

    def pax(records: bytes, size: int | None = None) -> Write:
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, size or len(records)
        begin = info.tobuf(tarfile.USTAR_FORMAT) + records + bytes(-len(records) % 512)
        return partial(put, begin + tar()) if size is None else sparse(begin, size + 4096)

    devices = [("dev.png", tarfile.CHRTYPE, "", b""), ("block.png", tarfile.BLKTYPE, "", b""),
               ("fifo.png", tarfile.FIFOTYPE, "", b""), ("link.png", tarfile.SYMTYPE, "/etc/passwd", b""),
               ("hard.png", tarfile.LNKTYPE, "../../etc/passwd", b""),
               ("000.json", tarfile.SYMTYPE, "/etc/passwd", b""),
               ("../../ESC.png", tarfile.REGTYPE, "", GOOD["000.png"]),
               ("e\x1b[2J.png", tarfile.REGTYPE, "", b"broken")]  # fmt: skip
    labels = [(f"{name[:-4]}.cls", tarfile.REGTYPE, "", b"c\x1b[2J\n%d" % (at % 2)) for at, name in enumerate(GOOD)]
    return {
        "long.tar: a name of 6 GiB": long_name,
        "pax.tar: a header of 6 GiB": pax(b"", 6 << 30),
        "pax.tar: a number of 300,000 digits": pax(b"9" * 300_000 + b" a=b\n"),
        "pax.tar: a size below 0": pax(b"13 size=-9999\n"),
        "pax.tar: a path that climbs": pax(b"37 path=../../../../../tmp/ESC5.png\n\n"),
        "pax.tar: records of no length": pax(b"0 a=b\n" * 1000),
        "pax.tar: a sparse map": pax(b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"),
        "pax.tar: a map of 100,000": pax(b"0 GNU.sparse.map=" + b"1," * 100_000 + b"\n"),
        "devices.tar: devices, links, climbing": partial(put, tar(*devices)),
        "labels.tar: labels with escapes": partial(put, tar(*labels)),
        "many.tar: 50,000 entries": partial(
            put, tar(*((f"{at}.txt", tarfile.REGTYPE, "", b"") for at in range(50_000)))
        ),
    }


def parquets() -> dict[str, Write]:
    good = list(GOOD.values())

    def table(path: Path, images: pa.Array, labels: pa.Array | None = None, **options: object) -> None:
        columns = {"image": images} | ({"label": labels} if labels is not None else {})
        pq.write_table(pa.table(columns), path, **options)

    def label_bomb(path: Path) -> None:
        labels = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
        table(path, pa.array([good[0]] * 20_000, pa.binary()), labels, compression="zstd", store_schema=False)

    def cell_bomb(path: Path) -> None:
        cells = pa.DictionaryArray.from_arrays(
            pa.array([0] * 6, pa.int32()), pa.array([bytes(300_000_000)], pa.binary())
        )
        table(path, cells, compression="zstd", store_schema=False, dictionary_pagesize_limit=2**30)

    def rows(path: Path) -> None:
        table(path, pa.array([b""] * 5_000_000, pa.binary()), compression="zstd")

    named = pa.array(
        [{"bytes": None, "path": "/etc/passwd"}] * 4, pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )
    return {
        "label.parquet: 20,000 labels of 1 MB": label_bomb,
        "cells.parquet: 6 cells of 300 MB": cell_bomb,
        "rows.parquet: 5 M empty cells": rows,
        "path.parquet: cells that name a file": lambda path: table(path, named),
        "escapes.parquet: labels": lambda path: table(path, pa.array(good), pa.array(["e\x1b[2J\n", "b"] * 6)),
        "escapes.parquet: columns": lambda path: pq.write_table(
            pa.table({"im\x1b[2Jage": pa.array(good), "b\x1b[31m": pa.array(good)}), path),
        "nested.parquet: 100 levels": lambda path: table(path, pa.array([None], nested(100))),
    }  # fmt: skip


def nested(depth: int) -> pa.DataType:
    return pa.list_(nested(depth - 1)) if depth else pa.binary()


def spoilt() -> dict[str, Write]:
    """Whole ones with some bytes changed."""
    stream = io.BytesIO()
    np.savez_compressed(stream, images=np.zeros((4, 8, 8), np.uint8), labels=np.arange(4))
    whole: dict[str, Write] = {
        "zip": partial(put, zipped()),
        "tar": tars()["devices.tar: devices, links, climbing"],
        "parquet": parquets()["escapes.parquet: labels"],
        "npz": partial(put, stream.getvalue()),
    }

    def spoil(write: Write, kind: str, number: int, path: Path) -> None:
        write(path)
        content, chance = bytearray(path.read_bytes()), random.Random(f"{kind}-{number}")
        for _ in range(chance.choice((3, 10, 30))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)

    return {
        f"spoilt-{number}.{kind}": partial(spoil, write, kind, number)
        for kind, write in whole.items()
        for number in range(21)
    }


def attempts(seed: int) -> Iterator[Attempt]:
    good = partial(lay_out, "good.zip", partial(put, zipped()))
    for verb in ("inspect", "prepare"):
        yield runs.normal("archives", f"archives {verb}", partial(look_at, "good.zip", verb), good)
    cases = [*(arrays.arrays() | zips() | tars() | parquets() | spoilt()).items()]
    random.Random(seed).shuffle(cases)
    for name, write in cases:
        file = name.partition(":")[0]
        for verb in ("inspect", "prepare"):
            run, make = partial(look_at, file, verb), partial(lay_out, file, write)
            yield Attempt("archives", f"{verb}: {name}", f"archives {verb}", run, make, long=name.startswith("many"))


def lay_out(file: str, write: Write, home: Path) -> None:
    write(home / "project" / file)


def look_at(file: str, verb: str, home: Path) -> int:
    if verb == "prepare":
        return main(["data", "prepare", file, "--size", "8", "--max-broken", "1"])
    return main(["data", "inspect", file, "--out", "sheet.png"])
