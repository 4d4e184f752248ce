"""How figures of benches are written."""

from __future__ import annotations


def number(value: float) -> str:
    """About three digits: those behind the point, without a leading zero."""
    if abs(value) >= 1:
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    text = f"{value:.3f}" if abs(value) >= 0.0995 else f"{value:.4f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
