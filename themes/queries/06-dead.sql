-- dead features by dictionary
SELECT dictionary, count(*) FILTER (density = 0) AS dead, count(*) AS features,
       round(100 * avg((density = 0)::INTEGER), 1) AS percent
FROM features
GROUP BY dictionary
ORDER BY percent
