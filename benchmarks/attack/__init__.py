"""The sweeps of ``attack.py``: each yields attempts, which ``fork`` runs and judges."""
