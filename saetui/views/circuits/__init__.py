"""The view ``4``: circuit searches, the tree from the metric back to the tokens, scores."""

from saetui.views import Entry

ENTRY = Entry(
    "4",
    "circuits",
    "Circuits",
    "what causes a behaviour, node by node, beside the baselines",
    "saetui.views.circuits.view:CircuitsView",
)
