"""The page: a reader of run folders in the browser. It never trains, and it writes nothing into a run."""
