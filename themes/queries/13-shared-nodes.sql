-- features that many circuits share
-- Features among the first twenty nodes of several searches: of other methods, tasks or seeds.
SELECT dictionary, feature, count(DISTINCT circuit) AS circuits, count(DISTINCT task) AS tasks,
       round(avg(effect), 3) AS effect, any_value(label) AS label
FROM circuit_nodes
JOIN circuits USING (circuit)
WHERE feature IS NOT NULL AND rank < 20 AND method NOT IN ('activation', 'random')
GROUP BY dictionary, feature
ORDER BY circuits DESC, effect DESC
LIMIT 100
