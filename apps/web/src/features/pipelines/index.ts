/** Pages of pipelines and their runs. */
export { PipelinePage } from './pipeline-page.tsx'
export { PipelineRunPage } from './run-page.tsx'
export { PipelinesPage } from './pipelines-page.tsx'
