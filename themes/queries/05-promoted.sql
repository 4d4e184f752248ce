-- features that promote a word
SELECT dictionary, feature, p.logit, top_tokens
FROM features, unnest(promoted) AS u(p)
WHERE trim(p.token) = 'the'
ORDER BY p.logit DESC
LIMIT 100
