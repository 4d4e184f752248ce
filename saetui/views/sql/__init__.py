"""The view ``6``: questions to the tables."""

from saetui.views import Entry

ENTRY = Entry(
    "6",
    "sql",
    "SQL",
    "questions to the tables",
    "saetui.views.sql.view:SqlView",
)
