"""MLflow: a tracking server or a place on the disk, as its own settings say (MLFLOW_TRACKING_URI,
MLFLOW_EXPERIMENT_NAME, MLFLOW_TRACKING_USERNAME, ...)."""

import os
import re
import time
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from PIL import Image

from ganforge.tracking.catalog import Ending, Start, Tracker
from ganforge.tracking.said import bare

RECORD = Tracker(
    name="mlflow",
    order=30,
    meaning="a run of MLflow",
    source="https://mlflow.org/docs/latest/ml/tracking",
    package="mlflow",
    install="pip install 'ganforge[log]'",
    takes_back=False,
)
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # ours come after it, and a fault is told sooner
MOST_PARAMS, MOST_LETTERS = 100, 500
"""Of one request, and of one value: MLflow's own limits."""


class Target:
    """A run, or the same one again by its id."""

    def __init__(self, start: Start) -> None:
        self.client = MlflowClient()
        self.place = bare(self.client.tracking_uri)
        self.run = start.run if start.run and self._is_there(start.run) else self._new(start)
        self.client.update_run(self.run, status="RUNNING")

    def _is_there(self, run: str) -> bool:
        try:
            return self.client.get_run(run).info.lifecycle_stage == "active"
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return False

    def _new(self, start: Start) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "ganforge")
        found = self.client.get_experiment_by_name(name)
        experiment = self.client.create_experiment(name) if found is None else found.experiment_id
        run = str(self.client.create_run(experiment, run_name=start.name).info.run_id)
        params = [Param(_key(key), str(value)[:MOST_LETTERS]) for key, value in start.facts.items()]
        try:
            for first in range(0, len(params), MOST_PARAMS):
                self.client.log_batch(run, params=params[first : first + MOST_PARAMS])
        except BaseException:
            self.client.delete_run(run)  # else there would be one for each attempt
            raise
        return run

    def numbers(self, nimg: int, values: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        self.client.log_batch(self.run, [Metric(_key(name), value, now, nimg) for name, value in values.items()])

    def picture(self, nimg: int, path: Path) -> None:
        with Image.open(path) as picture:
            self.client.log_image(self.run, picture, key="grid", step=nimg)

    def close(self, ending: Ending) -> None:
        self.client.set_terminated(self.run, STATUS[ending])


def _key(name: str) -> str:
    """Loss/D/fakes -> Loss/D.fakes: MLflow's places on the disk have a folder for what is before a stroke, which must
    not be called like the file of another metric."""
    group, stroke, rest = name.partition("/")
    return re.sub(r"[^\w\-. :/]", "_", group + stroke + rest.replace("/", "."))
