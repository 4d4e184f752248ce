"""Text from anywhere, tokenised and packed into documents."""
