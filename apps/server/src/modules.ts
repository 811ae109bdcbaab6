import type { Module } from '@kiban/kit/module'
import { access } from './modules/access/index.ts'
import { audit } from './modules/audit/index.ts'
import { datasetLineage, datasetSearch, datasets } from './modules/datasets/index.ts'
import { endpointSearch, endpointsLineage, endpointsModule } from './modules/endpoints/index.ts'
import { environmentLineage, environments } from './modules/environments/index.ts'
import { jobLineage, jobs } from './modules/jobs/index.ts'
import { lineageModule } from './modules/lineage/index.ts'
import type { LineageSource } from './modules/lineage/index.ts'
import { loopLineage, loopSearch, loopsModule, platformParts } from './modules/loops/index.ts'
import { modelLineage, models, modelSearch, resolveModel, markRolledBack, setAlias } from './modules/models/index.ts'
import { monitorLineage, monitorSearch, monitorsModule, platformSources } from './modules/monitors/index.ts'
import type { PipelineParts } from './modules/pipelines/index.ts'
import { pipelineLineage, pipelineSearch, pipelinesModule } from './modules/pipelines/index.ts'
import { projects } from './modules/projects/index.ts'
import { revisionsModule } from './modules/revisions/index.ts'
import { secrets } from './modules/secrets/index.ts'
import { systemModule } from './modules/system/index.ts'
import { runLineage, tracking, trackingSearch } from './modules/tracking/index.ts'
import { tuning } from './modules/tuning/index.ts'
import type { SearchSource } from './modules/system/index.ts'

/** What each module says of the things it owns, for lineage. */
const LINEAGE_SOURCES: readonly LineageSource[] = [
  datasetLineage,
  environmentLineage,
  jobLineage,
  runLineage,
  pipelineLineage,
  modelLineage,
  endpointsLineage,
  monitorLineage,
  loopLineage,
]

/** What the search box finds. */
const SEARCH_SOURCES: readonly SearchSource[] = [
  datasetSearch,
  trackingSearch,
  pipelineSearch,
  modelSearch,
  endpointSearch,
  monitorSearch,
  loopSearch,
]

/** The nouns of the platform, in the order that work flows through them; a module may use only those above it. */
const NOUNS: readonly Module[] = [
  projects,
  access,
  audit,
  secrets,
  lineageModule(LINEAGE_SOURCES),
  datasets,
  environments,
  jobs,
  tracking,
  tuning,
  pipelinesModule(lent),
  models,
  endpointsModule({ resolveModel, setAlias, markRolledBack }),
  monitorsModule(platformSources),
  loopsModule(platformParts),
]

/** What modules after pipelines lend to it: platform steps, and the registry to resolve models by. */
function lent(): PipelineParts {
  return { components: Object.assign({}, ...NOUNS.map((module) => module.components ?? {})), resolveModel }
}

/** Every module of the server. Sections of a project file apply in this order. */
export function serverModules(): Module[] {
  const sections = NOUNS.flatMap((module) => (module.apply ? [module.apply] : []))
  return [...NOUNS, revisionsModule(sections), systemModule(SEARCH_SOURCES)]
}
