/** The loops of other modules that wait for jobs to end. */
export const WAKES = ['pipelines', 'tuning', 'models'] as const
