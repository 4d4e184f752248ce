"""Every pane of the workbench and the command that prints the same as JSON."""

from __future__ import annotations

from tests import mapped, workspaces

DICT = workspaces.PROFILED[0]
FEATURE = f"{DICT}#140"

TWINS: dict[str, tuple[str, ...]] = {
    "overview-grid": ("dictionaries",),
    "overview-jobs": ("jobs",),
    "overview-steps": ("overview",),
    "overview-machine": ("overview",),
    "features-list": ("features", DICT),
    "features-summary": ("feature", FEATURE),
    "features-contexts": ("feature", FEATURE),
    "features-neighbors": ("feature", FEATURE),
    "features-effects": ("edges", FEATURE),
    "manifolds-clusters": ("clusters", mapped.RUN),
    "manifolds-map": ("sql", "--format", "json", f"FROM clusters WHERE run = '{mapped.RUN}'"),
    "manifolds-summary": ("clusters", mapped.RUN, "0"),
    "manifolds-members": ("clusters", mapped.RUN, "0"),
    "manifolds-fires": ("feature", FEATURE, "--doc", "26"),
    "manifolds-plane": ("sql", "--format", "json", "FROM cluster_planes"),
    "manifolds-splits": ("splits",),
    "circuits-list": ("circuit",),
    "jobs-table": ("jobs",),
    "jobs-curves": ("jobs", "curves", "train_sae-1"),
    "jobs-log": ("jobs", "logs", "train_sae-1"),
    "jobs-kin": ("jobs", "lineage", "profile-1"),
    "sql-saved": ("sql", "--format", "json", "SHOW TABLES"),
    "sql-editor": ("sql", "--format", "json", "SELECT 1"),
    "sql-results": ("sql", "--format", "json", "FROM dictionaries"),
}
"""Id of a pane → the command, without ``--json``. Panes of one circuit have ``circuit NAME``."""

CIRCUIT = ("circuits-tree", "circuits-node", "circuits-edges", "circuits-curve")
