/**
 * Owns datasets, their versions and what their contracts found, and the shared way to DuckDB. It never changes committed bytes, and
 * never decides who uses a version.
 */
export { commitDataset } from './commit-dataset.ts'
export { datasetFiles, localParquetPaths, resolveDataset } from './resolve-dataset.ts'
export { requireProjectBlobs } from './project-blobs.ts'
export { queryRows, quoteName, quoteText, withDuckdb, writeParquet } from './duckdb.ts'
export type { Duckdb, SqlParameter, SqlRow } from './duckdb.ts'
export { datasetLineage } from './datasets.lineage.ts'
export { datasets } from './datasets.module.ts'
export { datasetSearch } from './datasets.search.ts'
