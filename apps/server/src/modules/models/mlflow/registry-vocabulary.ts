import type { FieldRule, SearchVocabulary } from '../../tracking/index.ts'

const field = (key: string, type: FieldRule['type'], list = false): FieldRule => ({
  entity: 'attribute',
  key,
  type,
  list,
  nullable: false,
})
const isTag = (prefix: string | undefined) => prefix === 'tag' || prefix === 'tags'
const isPlain = (prefix: string | undefined) =>
  prefix === undefined || prefix === 'attribute' || prefix === 'attributes'
const tag = (key: string): FieldRule => ({ entity: 'tag', key, type: 'text', list: false, nullable: false })

/** Names of the search over registered models (reference/mlflow.md §2.2). */
export const MODEL_VOCABULARY: SearchVocabulary = {
  field: (prefix, key) => {
    if (isTag(prefix)) return tag(key)
    if (!isPlain(prefix)) return undefined
    if (key === 'name') return field('name', 'text')
    if (key === 'timestamp' || key === 'last_updated_timestamp') return field('last_updated_timestamp', 'number')
    return key === 'creation_timestamp' ? field(key, 'number') : undefined
  },
  valid: "tags.<key> and the attributes 'name', 'timestamp', 'last_updated_timestamp', 'creation_timestamp'",
}

/** Names of the search over model versions. */
export const VERSION_VOCABULARY: SearchVocabulary = {
  field: (prefix, key) => {
    if (isTag(prefix)) return tag(key)
    if (!isPlain(prefix)) return undefined
    if (key === 'name' || key === 'source_path') return field(key, 'text')
    if (key === 'run_id') return field('run_id', 'text', true)
    return ['version_number', 'creation_timestamp', 'last_updated_timestamp'].includes(key)
      ? field(key, 'number')
      : undefined
  },
  valid:
    "tags.<key> and the attributes 'name', 'version_number', 'run_id', 'source_path', 'creation_timestamp', 'last_updated_timestamp'",
}
