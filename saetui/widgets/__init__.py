"""Small widgets that the views are made of; each knows nothing of the workspace."""
