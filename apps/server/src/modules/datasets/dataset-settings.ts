import { z } from 'zod'
import { OnFail } from '@kiban/contract/datasets'
import type { DatasetRow } from './datasets.store.ts'

/** What the project file says of a dataset, as kept in its row. */
export const DatasetSettings = z.object({
  description: z.string().nullable().default(null),
  owner: z.string().nullable().default(null),
  type: z.enum(['table', 'folder']).default('table'),
  key: z.array(z.string()).default([]),
  timestamp: z.string().nullable().default(null),
  source: z.string().nullable().default(null),
  sensitivity: z.enum(['public', 'internal', 'personal', 'secret']).nullable().default(null),
  contract: z.object({ file: z.string(), onFail: OnFail }).nullable().default(null),
})
export type DatasetSettings = z.infer<typeof DatasetSettings>

/** The settings of a dataset that no project file declares. */
export const DEFAULT_SETTINGS: DatasetSettings = DatasetSettings.parse({})

export function settingsOf(row: Pick<DatasetRow, 'spec_json'>): DatasetSettings {
  return DatasetSettings.parse(JSON.parse(row.spec_json))
}
