/** Pages of experiments and runs. */
export { ComparePage } from './compare-page.tsx'
export { ExperimentsPage } from './experiments-page.tsx'
export { RunPage } from './run-page.tsx'
export { RunsPage } from './runs-page.tsx'
