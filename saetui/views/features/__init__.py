"""The view ``2``: features, one page each."""

from saetui.views import Entry

ENTRY = Entry(
    "2",
    "features",
    "Features",
    "features, one page each",
    "saetui.views.features.view:FeaturesView",
)
