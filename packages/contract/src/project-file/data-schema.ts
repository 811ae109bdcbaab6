import { z } from 'zod'
import { Json } from '../primitives.ts'
import { Duration, ProjectPath } from './scalars.ts'
import { keys, named } from './shape.ts'

const VersionText = z.string({
  error: (issue) => (typeof issue.input === 'number' ? 'unquoted_version' : undefined),
})

/** How to make an environment: one of `python conda r node image build` with its packages. */
export const EnvironmentSpec = keys('an environment', {
  python: VersionText.optional(),
  conda: z.string().optional(),
  r: VersionText.optional(),
  node: VersionText.optional(),
  image: z.string().optional(),
  build: z.string().optional(),
  requirements: ProjectPath.optional(),
  packages: z.array(z.string()).optional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})
export type EnvironmentSpec = z.infer<typeof EnvironmentSpec>
export const ENVIRONMENT_KINDS = ['python', 'conda', 'r', 'node', 'image', 'build'] as const

export const SourceSpec = keys('a source', {
  type: z.enum([
    'local',
    'http',
    's3',
    'gcs',
    'azblob',
    'webhdfs',
    'postgres',
    'mysql',
    'sqlite',
    'mongodb',
    'kafka',
    'delta',
    'iceberg',
  ]),
  url: z.string(),
  auth: z.record(z.string(), z.string()).optional(),
  options: z.record(z.string(), Json).optional(),
})

const SourceRef = keys('a data set source', {
  from: z.string(),
  path: z.string().optional(),
  table: z.string().optional(),
  query: z.string().optional(),
  topic: z.string().optional(),
  watermark: z.string().optional(),
  format: z.string().optional(),
  types: z.record(z.string(), z.string()).optional(),
})

export const DatasetSpec = keys('a data set', {
  source: z.union([z.string(), SourceRef]).optional(),
  schedule: z.string().optional(),
  type: z.enum(['table', 'folder']).default('table'),
  key: z.array(z.string()).optional(),
  timestamp: z.string().optional(),
  contract: z
    .union([
      ProjectPath,
      keys('a contract', { file: ProjectPath, onFail: z.enum(['block', 'quarantine', 'warn']).default('block') }),
    ])
    .optional(),
  access: keys('access to a data set', {
    readers: z.array(z.string()).optional(),
    writers: z.array(z.string()).optional(),
  }).optional(),
  retention: keys('retention of a data set', {
    keepLast: z.number().int().min(1).optional(),
    keepFor: Duration.optional(),
    tier: keys('a tier', { after: Duration, to: z.string() }).optional(),
  }).optional(),
  sensitivity: z.enum(['public', 'internal', 'personal', 'secret']).default('public'),
  subject: z.string().optional(),
  sites: z.array(z.string()).optional(),
})
export type DatasetSpec = z.infer<typeof DatasetSpec>

export const FeaturesSpec = keys('features', {
  entities: named(keys('an entity', { joinKeys: z.array(z.string()).min(1) })).optional(),
  views: named(
    keys('a feature view', {
      entities: z.array(z.string()),
      source: z.string(),
      timestampField: z.string(),
      createdTimestampColumn: z.string().optional(),
      ttl: Duration.optional(),
      schema: z.record(z.string(), z.string()).optional(),
      sql: z.string().optional(),
      online: z.boolean().optional(),
      push: z.union([z.boolean(), z.string()]).optional(),
      schedule: z.string().optional(),
    }),
  ).optional(),
  onDemand: named(
    keys('an on-demand view', {
      sources: z.array(z.string()).optional(),
      request: z.record(z.string(), z.string()).optional(),
      sql: z.string(),
      schema: z.record(z.string(), z.string()),
    }),
  ).optional(),
  services: named(z.array(z.string())).optional(),
})

export const PoliciesSpec = keys('policies', {
  retention: keys('retention', {
    runs: Duration.optional(),
    logs: Duration.optional(),
    artifacts: Duration.optional(),
    predictions: Duration.optional(),
  }).optional(),
  sites: z.array(z.string()).optional(),
  budget: keys('a spending budget', {
    amount: z.number().positive(),
    currency: z.string().optional(),
    period: z.string().optional(),
    warnAt: z.array(z.union([z.number(), z.string()])).optional(),
    onLimit: z.enum(['warn', 'approve', 'pause']).default('warn'),
  }).optional(),
})

export const WorkspaceSpec = keys('a workspace', {
  app: z.enum(['jupyterlab', 'rstudio', 'vscode', 'command']).optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  environment: z.string().optional(),
  resources: z.record(z.string(), Json).optional(),
  idle: Duration.default('1h'),
  mounts: z.array(Json).optional(),
})
