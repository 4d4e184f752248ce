-- strongest causal edges
-- What ablating a feature changes: effect beside what the nulls give; only edges that clear them. A
-- target without feature and component is the metric.
SELECT source_dictionary, source_feature, target_dictionary, target_feature, target_component,
       round(effect, 3) AS effect, round(null_effect, 3) AS null_effect, q_value, n
FROM edges
WHERE significant
ORDER BY abs(effect) DESC
LIMIT 100
