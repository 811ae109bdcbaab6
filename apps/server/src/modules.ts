import type { ApplySection, Module } from '@kiban/kit/module'
import { access } from './modules/access/index.ts'
import { audit } from './modules/audit/index.ts'
import { lineageModule } from './modules/lineage/index.ts'
import type { LineageSource } from './modules/lineage/index.ts'
import { projects } from './modules/projects/index.ts'
import { secrets } from './modules/secrets/index.ts'
import { systemModule } from './modules/system/index.ts'

/** What each module says of the things it owns, for lineage. */
const LINEAGE_SOURCES: readonly LineageSource[] = []

/** The nouns of the platform, in the order that work flows through them; a module may use only those above it. */
const NOUNS: readonly Module[] = [projects, access, audit, secrets, lineageModule(LINEAGE_SOURCES)]

/** Every module of the server. */
export function serverModules(): Module[] {
  const sections: ApplySection[] = NOUNS.flatMap((module) => (module.apply ? [module.apply] : []))
  void sections // given to revisionsModule(sections) once datasets is there
  return [...NOUNS, systemModule([])]
}
