import type { FieldRule, SearchVocabulary } from './search-grammar.ts'

/** Names of the search over experiments (reference/mlflow.md §2.2). */
export const EXPERIMENT_VOCABULARY: SearchVocabulary = {
  field: (prefix, key) => {
    if (prefix === 'tag' || prefix === 'tags') return { entity: 'tag', key, type: 'text', list: false, nullable: true }
    return prefix === undefined || prefix === 'attribute' || prefix === 'attributes' || prefix === 'attr'
      ? attribute(key)
      : undefined
  },
  valid: "tags.<key> and the attributes 'name', 'experiment_id' (order_by only), 'creation_time', 'last_update_time'",
}

function attribute(key: string): FieldRule | undefined {
  const name = key === 'created' ? 'creation_time' : key
  if (name === 'name') return { entity: 'attribute', key: name, type: 'text', list: false, nullable: false }
  if (['creation_time', 'last_update_time', 'experiment_id'].includes(name))
    return { entity: 'attribute', key: name, type: 'number', list: false, nullable: false }
  return undefined
}
