import { hasEndpoint } from '../lib/api.ts'
import type { MessageKey } from '../messages/index.ts'
import type { IconName } from '../ui/icon.tsx'

export type Noun = {
  readonly id: string
  readonly label: MessageKey
  readonly icon: IconName
  readonly needs: string
  readonly key: string
}
export type NounGroup = { readonly label: MessageKey | null; readonly nouns: readonly Noun[] }

const ALL: readonly NounGroup[] = [
  { label: null, nouns: [{ id: '', label: 'nav.overview', icon: 'overview', needs: 'getProject', key: 'o' }] },
  {
    label: 'nav.data',
    nouns: [{ id: 'datasets', label: 'nav.datasets', icon: 'datasets', needs: 'listDatasets', key: 'd' }],
  },
  {
    label: 'nav.build',
    nouns: [
      { id: 'experiments', label: 'nav.experiments', icon: 'experiments', needs: 'listExperiments', key: 'x' },
      { id: 'pipelines', label: 'nav.pipelines', icon: 'pipelines', needs: 'listPipelines', key: 'p' },
      { id: 'sweeps', label: 'nav.sweeps', icon: 'sweeps', needs: 'listSweeps', key: 's' },
      { id: 'environments', label: 'nav.environments', icon: 'environments', needs: 'listEnvironments', key: 'v' },
    ],
  },
  {
    label: 'nav.ship',
    nouns: [
      { id: 'models', label: 'nav.models', icon: 'models', needs: 'listModels', key: 'm' },
      { id: 'endpoints', label: 'nav.endpoints', icon: 'endpoints', needs: 'listEndpoints', key: 'e' },
    ],
  },
  {
    label: 'nav.watch',
    nouns: [
      { id: 'monitors', label: 'nav.monitors', icon: 'monitors', needs: 'listMonitors', key: 'w' },
      { id: 'jobs', label: 'nav.jobs', icon: 'jobs', needs: 'listJobs', key: 'j' },
    ],
  },
  {
    label: 'nav.govern',
    nouns: [{ id: 'audit', label: 'nav.audit', icon: 'audit', needs: 'listAuditEvents', key: 'a' }],
  },
]

/** The menu: only nouns whose endpoints exist, in the order that work flows. */
export const NOUN_GROUPS: readonly NounGroup[] = ALL.map((group) => ({
  ...group,
  nouns: group.nouns.filter((noun) => hasEndpoint(noun.needs)),
})).filter((group) => group.nouns.length > 0)

/** Every noun of the menu. */
export const NOUNS: readonly Noun[] = NOUN_GROUPS.flatMap((group) => group.nouns)
