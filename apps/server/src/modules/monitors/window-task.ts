import type { HistogramBar, SignalName, SignalStatus } from '@kiban/contract/monitors'
import type { MonitorSettings } from './monitor-settings.ts'
import type { Span } from './calendar.ts'

/** Everything the computation of one window needs: paths and settings, no database. It travels to a process of its own as JSON. */
export type WindowTask = {
  readonly span: Span
  readonly settings: MonitorSettings
  /** The prediction log's Parquet files that may hold rows of the span. */
  readonly predictionPaths: readonly string[]
  /** What the windows are compared with; null when there is none yet. */
  readonly reference: {
    readonly paths: readonly string[]
    readonly name: string
    /** Of the prediction log only: the span of event time. */
    readonly span: Span | null
    readonly timestamp: string | null
  } | null
  readonly labels: { readonly paths: readonly string[] } | null
  /** Names of model versions by id: `delay v1`. */
  readonly versionLabels: Readonly<Record<string, string>>
  /** Inputs of the model; null: every column that both sides have. */
  readonly features: readonly string[] | null
  /** Columns that identify a row or its time; never features. */
  readonly notFeatures: readonly string[]
  readonly importances: readonly { readonly feature: string; readonly drop: number }[] | null
  readonly importanceSource: string | null
  /** Probability from which a prediction counts as positive. */
  readonly threshold: number
  /** ONNX file of the version, to score the reference for prediction drift. */
  readonly onnxPath: string | null
  readonly nowMs: number
  readonly task: 'classification' | 'regression'
}

export type WindowValue = {
  readonly signal: SignalName
  readonly metric: string
  readonly slice: string | null
  readonly modelVersion: string | null
  readonly value: number | null
  readonly limit: number | null
  readonly direction: 'above' | 'below' | null
  readonly status: SignalStatus
  readonly severity: 'error' | 'warn'
  readonly rows: number
  readonly reason: string
  /** Set on the values that decide about alerts: one alert a rule. */
  readonly rule: string | null
  readonly forWindows: number
}

export type Moments = { readonly rows: number; readonly mean: number | null; readonly sd: number | null }

export type FeatureResult = {
  readonly feature: string
  readonly kind: 'numeric' | 'categorical'
  readonly importance: number | null
  readonly test: string
  readonly value: number | null
  readonly limit: number | null
  readonly status: SignalStatus
  readonly reason: string
  readonly nullShare: number
  readonly referenceNullShare: number
  readonly newCategories: readonly string[]
  readonly histogram: readonly HistogramBar[]
  readonly reference: Moments
  readonly current: Moments
}

export type WindowResult = {
  readonly rows: number
  readonly labelled: number
  readonly versions: readonly { readonly version: string; readonly rows: number }[]
  readonly referenceName: string | null
  readonly referenceRows: number
  readonly values: readonly WindowValue[]
  /** Ranked by importance × drift. */
  readonly features: readonly FeatureResult[]
}
