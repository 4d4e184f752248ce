"""Whether the Hugging Face hub answers: found out in seconds, where its client retries minutes."""

from __future__ import annotations

import os

_SECONDS = 5.0


def hub_answers() -> bool:
    """Whether an HTTP request to the hub (``HF_ENDPOINT``) gets any answer within 5 seconds.

    False at once where the user has set ``HF_HUB_OFFLINE``.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").strip().lower() in ("1", "on", "yes", "true"):
        return False
    import httpx

    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        httpx.head(endpoint, timeout=_SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
    return True
