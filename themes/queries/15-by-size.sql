-- how faithful circuits are at each size
-- faithfulness 1 is the whole model, 0 is everything ablated; completeness is what is left of the
-- behaviour without the circuit.
SELECT task, nodes, method, k.n_nodes, round(faithfulness, 3) AS faithfulness,
       round(completeness, 3) AS completeness, circuit
FROM circuit_curve k
JOIN circuits USING (circuit)
WHERE prompts = 'held_out'
ORDER BY task, nodes, method, circuit, k.n_nodes
