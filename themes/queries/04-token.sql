-- features that fire on a word
SELECT dictionary, feature, density, top_tokens
FROM features
WHERE list_contains(list_transform(top_tokens, lambda t: trim(t)), 'the')
ORDER BY density DESC
LIMIT 100
