"""A generator as one ONNX file, compared with PyTorch's in onnxruntime before it gets its name."""

import json
from pathlib import Path

import torch
from torch import Tensor

from ganforge._version import __version__
from ganforge.base.errors import UserError
from ganforge.base.file_marks import NAME
from ganforge.base.files import write_atomically
from ganforge.export.parity import Run, check_parity
from ganforge.export.portable import Output, Portable, facts, portable, quiet, traced_with
from ganforge.sampling.model import Model

OPSET = 20
MAX_BYTES = 2**31 - 2**24
"""Of weights: one file of ONNX's holds less than 2 GiB in all."""


def write_onnx(model: Model, out: Path, output: Output = "uint8", license: str | None = None) -> float:
    """Write the model to ``out``; returns the largest difference from PyTorch's values, at batches of 1, 2 and 7.

    Inputs: `z` float32 [N, z_dim] and, where the model is told the class, `labels` int64 [N]; output: `pictures`, as
    ``Portable`` says, or `points`. The facts are in its metadata, each as text, JSON where it is none. Raises RunError,
    leaving ``out`` as it was, where the pictures differ, UserError where a package is missing or the model too large.
    """
    require_packages()
    module = portable(model, output)
    content = converted(module, model, facts(model, output, license))

    found = float("inf")

    def write(temporary: Path) -> None:
        nonlocal found
        temporary.write_bytes(content)
        found = check_parity(onnx_runner(temporary), module, model, "ONNX")

    write_atomically(out, write)
    return found


def converted(module: Portable, model: Model, told: dict[str, object]) -> bytes:
    """The module as bytes of an ONNX file. Raises UserError for one that is too large."""
    if sum(tensor.nbytes for tensor in module.state_dict().values()) > MAX_BYTES:
        raise UserError("The model is larger than the 2 GiB that an ONNX file can hold; use --to torch.")
    given, free = traced_with(model)
    with quiet():
        program = torch.onnx.export(
            module, kwargs=given, dynamo=True, external_data=False, dynamic_shapes=free, opset_version=OPSET,
            input_names=list(given), output_names=["points" if len(model.shape) == 1 else "pictures"], verbose=False,
        )  # fmt: skip
    assert program is not None
    program.model.producer_name, program.model.producer_version = NAME, __version__
    for name, value in told.items():
        program.model.metadata_props[name] = value if isinstance(value, str) else json.dumps(value)
    return program.model_proto.SerializeToString()


def onnx_runner(path: Path, threads: int = 0) -> Run:
    """The model in a file as a function of z and labels, by onnxruntime on the CPU; threads: 0 for its own choice."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(z: Tensor, labels: Tensor | None) -> Tensor:
        given = {"z": z.numpy()} if labels is None else {"z": z.numpy(), "labels": labels.numpy()}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def require_packages() -> None:
    """Raise UserError where one of the extra's packages is missing."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"An ONNX file needs {error.name}, which is not installed: pip install 'ganforge[export]'."
        ) from None
