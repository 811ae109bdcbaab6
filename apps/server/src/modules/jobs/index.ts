/**
 * Owns jobs: the queue, their attempts as processes of this machine, logs, outputs and metrics as bytes and values.
 * It never decides what is to be computed, publishes nothing and writes no MLflow run: its owners (pipelines, tuning, models) do.
 */
export { submitJob } from './submit-job.ts'
export { getJob } from './get-job.ts'
export { cancelJob } from './cancel-job.ts'
export { readJobLog } from './read-job-log.ts'
export type { JobSpec, JobText, JobView } from './job-spec.ts'
export { jobLineage } from './jobs.lineage.ts'
export { jobs } from './jobs.module.ts'
