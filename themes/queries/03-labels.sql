-- what was labelled
SELECT dictionary, feature, label, density, top_tokens
FROM features
WHERE label IS NOT NULL
ORDER BY dictionary, feature
