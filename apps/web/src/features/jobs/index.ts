/** Pages of jobs and of the environments that they run in. */
export { EnvironmentPage, EnvironmentsPage } from './environments.tsx'
export { JobPage } from './job-page.tsx'
export { JobsPage } from './jobs-page.tsx'
