"""The view ``1``: the model and its dictionaries, running jobs, next steps."""

from saetui.views import Entry

ENTRY = Entry(
    "1",
    "overview",
    "Overview",
    "the model and its dictionaries, running jobs, next steps",
    "saetui.views.overview.view:OverviewView",
)
