import { AppError } from '@kiban/kit/errors'

/** `version` is a number, `@alias`, `latest`, or null when only the model is named. */
export type ModelUri = { readonly name: string; readonly version: string | null }

/** Parses `models:/name/3`, `models:/name@alias`, `models:/name/latest` and `models:/name`. Throws `model_source_invalid`. */
export function parseModelUri(uri: string): ModelUri {
  const match = /^models:\/([^/@]+)(?:\/(\d{1,9}|latest)|(@[\w-]{1,255}))?$/.exec(uri)
  const name = match?.[1]
  if (name === undefined)
    throw new AppError('model_source_invalid', {
      message: `${JSON.stringify(uri.slice(0, 200))} is not a model's address. Give models:/<name>/<number> or models:/<name>@<alias>.`,
    })
  return { name, version: match?.[2] ?? match?.[3] ?? null }
}

/** What a version can be made from: a run's artifacts, a logged model, or another version. Nothing else, whatever the tags say. */
export type ModelSource =
  | { readonly kind: 'run'; readonly runId: string; readonly path: string }
  | { readonly kind: 'logged_model'; readonly modelId: string }
  | { readonly kind: 'version'; readonly uri: string }
  /** A prompt of MLflow's registry: its text is a tag, it has no files. */
  | { readonly kind: 'prompt' }

const SEGMENT = '[a-zA-Z0-9][\\w-]{0,255}'
const PATTERNS: readonly [RegExp, (parts: readonly (string | undefined)[]) => ModelSource][] = [
  [/^(prompt-template|dummy-source)$/, () => ({ kind: 'prompt' })],
  [new RegExp(`^runs:/(${SEGMENT})/(.+)$`), ([, runId = '', path = '']) => ({ kind: 'run', runId, path })],
  [/^models:\/(m-[0-9a-f]{32})$/, ([, modelId = '']) => ({ kind: 'logged_model', modelId })],
  [
    new RegExp(`^mlflow-artifacts:/\\d+/models/(${SEGMENT})/artifacts/?$`),
    ([, modelId = '']) => ({ kind: 'logged_model', modelId }),
  ],
  [
    new RegExp(`^mlflow-artifacts:/\\d+/(${SEGMENT})/artifacts/(.+?)/?$`),
    ([, runId = '', path = '']) => ({ kind: 'run', runId, path }),
  ],
  [/^models:\/[^/@]+(?:\/\d{1,9}|@[\w-]{1,255})$/, ([uri = '']) => ({ kind: 'version', uri })],
]

/** Parses the source of a version. Throws `model_source_invalid` for every other scheme or spelling (access.md §10). */
export function parseModelSource(source: string): ModelSource {
  for (const [pattern, read] of PATTERNS) {
    const match = source.length <= 2048 ? pattern.exec(source) : null
    if (match) return read(match)
  }
  throw new AppError('model_source_invalid', {
    message: `Invalid model version source: ${JSON.stringify(source.slice(0, 200))}. Give runs:/<run id>/<path>, models:/<logged model id> or models:/<name>/<number>.`,
  })
}
