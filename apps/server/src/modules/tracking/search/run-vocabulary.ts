import type { FieldRule, SearchEntity, SearchVocabulary } from './search-grammar.ts'

const PREFIXES: Readonly<Record<string, SearchEntity>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
}

const ATTRIBUTE_ALIASES: Readonly<Record<string, string>> = {
  created: 'start_time',
  Created: 'start_time',
  'run name': 'run_name',
  'Run name': 'run_name',
  'Run Name': 'run_name',
}
const NUMBERS = new Set(['start_time', 'end_time'])
const TEXTS = new Set(['run_id', 'run_name', 'user_id', 'status', 'artifact_uri'])
const DATASET_FIELDS = new Set(['name', 'digest', 'context'])

/** Names of the search over runs (reference/mlflow.md §2.1). */
export const RUN_VOCABULARY: SearchVocabulary = {
  field: runField,
  valid:
    "metrics.<key>, params.<key>, tags.<key>, datasets.{name, digest, context} and the attributes 'run_id', 'run_name', 'user_id', 'status', 'start_time', 'end_time', 'artifact_uri'",
}

function runField(prefix: string | undefined, key: string): FieldRule | undefined {
  const entity = prefix === undefined ? 'attribute' : Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined
  if (entity === undefined) return undefined
  if (entity === 'metric') return { entity, key, type: 'number', list: false, nullable: false }
  if (entity === 'param' || entity === 'tag') return { entity, key, type: 'text', list: false, nullable: true }
  if (entity === 'dataset')
    return DATASET_FIELDS.has(key) ? { entity, key, type: 'text', list: true, nullable: false } : undefined
  const name = Object.hasOwn(ATTRIBUTE_ALIASES, key) ? (ATTRIBUTE_ALIASES[key] ?? key) : key
  if (NUMBERS.has(name)) return { entity, key: name, type: 'number', list: false, nullable: false }
  return TEXTS.has(name) ? { entity, key: name, type: 'text', list: name === 'run_id', nullable: false } : undefined
}
