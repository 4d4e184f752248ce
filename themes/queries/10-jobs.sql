-- how long jobs took
SELECT job, state, ended_at - started_at AS took, device, error
FROM jobs
ORDER BY created_at DESC
