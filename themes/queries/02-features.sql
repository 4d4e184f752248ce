-- densest features
SELECT dictionary, feature, density, max_activation, top_tokens
FROM features
ORDER BY density DESC, dictionary, feature
LIMIT 100
