-- dictionaries, best first
SELECT dictionary, architecture, d_sae, fvu, l0, ce_recovered, dead_fraction
FROM dictionaries
ORDER BY fvu
