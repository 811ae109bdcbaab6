import type { Ctx } from '@kiban/kit/context'

export type WatchedEndpoint = { readonly id: string; readonly model: string | null }

/** What a monitor must know of a model version that answered in a window. */
export type WatchedVersion = {
  readonly id: string
  /** `delay v1`. */
  readonly label: string
  /** Names of the model's inputs; null when it has no signature. */
  readonly features: readonly string[] | null
  /** Columns that identify a row or its time. */
  readonly notFeatures: readonly string[]
  readonly timestamp: string | null
  readonly task: 'classification' | 'regression'
  readonly threshold: number
  /** What it was trained on; null when it is not known. */
  readonly training: { readonly paths: readonly string[]; readonly name: string } | null
  readonly importances: readonly { readonly feature: string; readonly drop: number }[] | null
  /** ONNX file on this machine, if it has one. */
  readonly onnxPath: string | null
}

/** Where monitors read from; handed in at the wiring, so that this module asks no other module's tables. */
export type MonitorSources = {
  findEndpoint(ctx: Ctx, project: string, name: string): Promise<WatchedEndpoint | null>
  /** Parquet files of the prediction log that may hold rows of a span of event time. */
  predictionFiles(ctx: Ctx, endpointId: string, span: { fromMs: number; toMs: number }): Promise<readonly string[]>
  findVersion(ctx: Ctx, versionId: string): Promise<WatchedVersion | null>
  /** Newest usable version of a dataset as files; null while there is none. */
  datasetFiles(ctx: Ctx, project: string, uri: string): Promise<{ versionId: string; paths: readonly string[] } | null>
}
