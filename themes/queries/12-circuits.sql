-- circuits, task by task
-- cmd is the area between the faithfulness curve and 1 (less is better), beside what the search cost;
-- activation and random are what every search is held against.
SELECT task, method, nodes, round(cmd, 3) AS cmd, round(cpr, 3) AS cpr, nodes_for_80,
       forward_passes + backward_passes AS passes, round(seconds, 1) AS seconds, circuit
FROM circuits
ORDER BY task, nodes, cmd
