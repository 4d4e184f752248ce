-- quality against a random dictionary
SELECT dictionary, split, n_tokens, fvu, fvu_random, ce_clean, ce_sae, ce_zero, ce_recovered
FROM quality
ORDER BY fvu
