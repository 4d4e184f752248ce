"""The look: themes, styles and saved queries. Data only."""
