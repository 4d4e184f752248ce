"""The view ``5``: jobs, their curves and logs."""

from saetui.views import Entry

ENTRY = Entry(
    "5",
    "jobs",
    "Jobs",
    "jobs, their curves and logs",
    "saetui.views.jobs.view:JobsView",
)
