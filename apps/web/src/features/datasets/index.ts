/** Pages of datasets. */
export { DatasetsPage } from './datasets-page.tsx'
export { DatasetPage } from './dataset-page.tsx'
