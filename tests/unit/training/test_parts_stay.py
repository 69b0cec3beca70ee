"""training/resume_checks.py: a run goes on with the parts of a batch that it began with."""

from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.config import make_config
from ganforge.run.folder import RunFolder
from ganforge.training.resume_checks import refuse_differences


@pytest.mark.parametrize("parts", [2, "auto"])
def test_other_parts_are_refused_with_what_to_do(tmp_path: Path, parts: object) -> None:
    old = make_config({"data": "digits"})
    with pytest.raises(UserError, match=r"began with accumulate = 1, which stays: .*torchrun.*--init-from"):
        refuse_differences(RunFolder(tmp_path), old, old.model_copy(update={"accumulate": parts}))
    refuse_differences(RunFolder(tmp_path), old, old)
