import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { JobCause, JobLog } from './jobs.ts'
import { Instant, Name, ProjectParams, Sha256 } from './primitives.ts'

/** queued, building, then ready or failed. One build is shared by all names and projects that ask for the same. */
export const EnvironmentState = z.enum(['queued', 'building', 'ready', 'failed'])
export type EnvironmentState = z.infer<typeof EnvironmentState>

/** An installed package, its name normalized as in PEP 503. */
export const EnvironmentPackage = z.object({ name: z.string(), version: z.string() })
export type EnvironmentPackage = z.infer<typeof EnvironmentPackage>

/** Why a build failed, in one sentence with the remedy. */
export const EnvironmentError = z.object({ cause: JobCause, message: z.string() })
export type EnvironmentError = z.infer<typeof EnvironmentError>

/**
 * An environment as asked for: the name in `kiban.yaml` with the requirements of one state of the code.
 * `specHash` names what was asked (null until read from the code), `lockHash` what was installed: interpreter, platform, every package.
 */
export const EnvironmentSummary = z.object({
  id: z.string(),
  project: Name,
  name: z.string(),
  state: EnvironmentState,
  kind: z.enum(['python']),
  asked: z.string().describe('for example: Python 3.11, requirements.txt (12 lines)'),
  specHash: Sha256.nullable(),
  lockHash: Sha256.nullable(),
  python: z.string().nullable().describe('version of the interpreter'),
  packageCount: z.number().int().nullable(),
  sizeBytes: z.number().int().nullable(),
  builder: z.enum(['uv', 'pip']).nullable(),
  error: EnvironmentError.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
})
export type EnvironmentSummary = z.infer<typeof EnvironmentSummary>

export const Environment = EnvironmentSummary.extend({
  requirements: z.array(z.string()).describe('the lines asked for'),
  packages: z.array(EnvironmentPackage),
})
export type Environment = z.infer<typeof Environment>

export const EnvironmentParams = ProjectParams.extend({
  id: z.string().regex(/^env_[0-9A-Za-z]+$/, 'an environment id begins with env_'),
})

export const listEnvironments = defineEndpoint({
  name: 'listEnvironments',
  method: 'GET',
  path: '/projects/:project/environments',
  summary: 'Environments of the project, newest first; one row per name and specification',
  action: 'run.read',
  params: ProjectParams,
  query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
  response: z.object({ environments: z.array(EnvironmentSummary) }),
  errors: ['project_not_found'],
})

export const getEnvironment = defineEndpoint({
  name: 'getEnvironment',
  method: 'GET',
  path: '/projects/:project/environments/:id',
  summary: 'One environment with its packages',
  action: 'run.read',
  params: EnvironmentParams,
  response: Environment,
  errors: ['project_not_found', 'environment_not_found'],
})

export const getEnvironmentLog = defineEndpoint({
  name: 'getEnvironmentLog',
  method: 'GET',
  path: '/projects/:project/environments/:id/log',
  summary: 'Lines of the build log from a byte offset; ask again from nextOffset while it builds',
  action: 'run.read',
  params: EnvironmentParams,
  query: z.object({
    offset: z.coerce.number().int().optional(),
    limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  }),
  response: JobLog.omit({ attempt: true }),
  errors: ['project_not_found', 'environment_not_found'],
})

export const rebuildEnvironment = defineEndpoint({
  name: 'rebuildEnvironment',
  method: 'POST',
  path: '/projects/:project/environments/:id/rebuild',
  summary: 'Build a failed environment again, for example after the network came back',
  action: 'job.run',
  audit: 'each',
  params: EnvironmentParams,
  response: EnvironmentSummary,
  errors: ['project_not_found', 'environment_not_found', 'environment_not_failed'],
})
