-- closest pairs of features
SELECT dictionary, feature, other_feature, cosine, coactivation
FROM neighbors
WHERE dictionary = other_dictionary AND feature < other_feature
ORDER BY cosine DESC
LIMIT 100
