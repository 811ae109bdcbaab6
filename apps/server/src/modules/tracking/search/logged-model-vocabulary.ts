import type { SearchVocabulary } from './search-grammar.ts'

const ALIASES: Readonly<Record<string, string>> = {
  creation_time: 'creation_timestamp',
  last_updated_time: 'last_updated_timestamp',
  artifact_location: 'artifact_uri',
}
const TEXTS = new Set(['name', 'model_id', 'model_type', 'status', 'source_run_id', 'artifact_uri'])
const NUMBERS = new Set(['creation_timestamp', 'last_updated_timestamp'])

/** Names of the search over logged models: plural prefixes only, texts with or without quotes (reference/mlflow.md §2.2). */
export const LOGGED_MODEL_VOCABULARY: SearchVocabulary = {
  field: (prefix, key) => {
    if (prefix === 'metrics') return { entity: 'metric', key, type: 'number', list: false, nullable: false }
    if (prefix === 'params' || prefix === 'tags')
      return { entity: prefix === 'params' ? 'param' : 'tag', key, type: 'text', list: true, nullable: false }
    if (prefix !== undefined && prefix !== 'attributes') return undefined
    const name = Object.hasOwn(ALIASES, key) ? (ALIASES[key] ?? key) : key
    if (NUMBERS.has(name)) return { entity: 'attribute', key: name, type: 'number', list: false, nullable: false }
    return TEXTS.has(name) ? { entity: 'attribute', key: name, type: 'text', list: true, nullable: false } : undefined
  },
  valid:
    "metrics.<key>, params.<key>, tags.<key> and the attributes 'name', 'model_id', 'model_type', 'status', 'source_run_id', 'creation_timestamp', 'last_updated_timestamp'",
  bareText: true,
}
