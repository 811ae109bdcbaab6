/**
 * Owns sweeps and their trials: which points are tried, and which was best. It never chooses a point itself (Optuna does, in the step's
 * environment) and never runs a command (jobs do).
 */
export { tuning } from './tuning.module.ts'
export { startSweep } from './start-sweep.ts'
export { getSweepResult } from './sweep-result.ts'
export { cancelSweep } from './cancel-sweep.ts'
