import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, ManifestFile, Name, PageQuery, ProjectParams, Sha256 } from './primitives.ts'

export const ProjectClock = z.object({
  /** `system`: the machine's time. `replay`: a time that a client sets, for projects that replay recorded data. */
  mode: z.enum(['system', 'replay']),
  now: Instant,
})

export const Project = z.object({
  id: z.string(),
  name: Name,
  title: z.string(),
  description: z.string(),
  createdAt: Instant,
  createdBy: z.string(),
  clock: ProjectClock,
  /** The newest applied revision's number; 0 before the first apply. */
  revision: z.number().int(),
})
export type Project = z.infer<typeof Project>

export const listProjects = defineEndpoint({
  name: 'listProjects',
  method: 'GET',
  path: '/projects',
  summary: 'The projects that you may see',
  action: 'catalogue.read',
  response: z.object({ projects: z.array(Project) }),
  errors: [],
})

export const createProject = defineEndpoint({
  name: 'createProject',
  method: 'POST',
  path: '/projects',
  summary: 'Creates an empty project',
  action: 'project.create',
  audit: 'each',
  body: z.strictObject({
    name: Name,
    title: z.string().max(200).default(''),
    description: z.string().max(5000).default(''),
  }),
  response: Project,
  status: 201,
  errors: ['project_exists'],
})

export const getProject = defineEndpoint({
  name: 'getProject',
  method: 'GET',
  path: '/projects/:project',
  summary: 'One project',
  action: 'project.read',
  params: ProjectParams,
  response: Project,
  errors: ['project_not_found'],
})

export const setProjectClock = defineEndpoint({
  name: 'setProjectClock',
  method: 'PUT',
  path: '/projects/:project/clock',
  summary: "Sets the project's own clock, for replaying recorded data; it never goes back",
  action: 'project.manage',
  audit: 'rolled',
  params: ProjectParams,
  body: z.discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('system') }),
    z.strictObject({ mode: z.literal('replay'), now: Instant }),
  ]),
  response: ProjectClock,
  errors: ['project_not_found', 'bad_request'],
})

export const ApplyBody = z.strictObject({
  /** The text of `kiban.yaml`. */
  text: z.string().max(1 << 20),
  /** The project's files, whose blobs were uploaded before (`uploadBlob`). */
  files: z.array(ManifestFile).max(20_000),
  git: z
    .strictObject({ commit: z.string().max(64), dirty: z.boolean(), diff: z.string().max(200_000).optional() })
    .optional(),
})

export const Change = z.object({
  kind: z.enum(['create', 'update', 'archive']),
  noun: z.string(),
  name: z.string(),
  detail: z.string().optional(),
})

export const FileError = z.object({
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
  pointer: z.string(),
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  docs: z.string().optional(),
})

export const Revision = z.object({
  id: z.string(),
  number: z.number().int(),
  appliedAt: Instant,
  appliedBy: z.string(),
  codeManifest: Sha256,
  git: z.object({ commit: z.string(), dirty: z.boolean() }).optional(),
  changes: z.array(Change),
})
export type Revision = z.infer<typeof Revision>

export const planProject = defineEndpoint({
  name: 'planProject',
  method: 'POST',
  path: '/projects/:project/plan',
  summary: 'What applying this project file would change; changes nothing',
  action: 'pipeline.write',
  audit: { none: 'changes nothing' },
  params: ProjectParams,
  body: ApplyBody,
  maxBodyBytes: 16 << 20,
  response: z.object({ changes: z.array(Change) }),
  errors: ['project_not_found', 'project_file_invalid'],
})

export const applyProject = defineEndpoint({
  name: 'applyProject',
  method: 'POST',
  path: '/projects/:project/apply',
  summary: 'Makes the project as its file says, in one transaction',
  action: 'pipeline.write',
  audit: 'each',
  params: ProjectParams,
  body: ApplyBody,
  maxBodyBytes: 16 << 20,
  response: Revision,
  errors: ['project_not_found', 'project_file_invalid'],
})

export const listRevisions = defineEndpoint({
  name: 'listRevisions',
  method: 'GET',
  path: '/projects/:project/revisions',
  summary: 'The applied revisions, newest first',
  action: 'project.read',
  params: ProjectParams,
  query: PageQuery,
  response: z.object({ revisions: z.array(Revision) }),
  errors: ['project_not_found'],
})

export const getRevisionFile = defineEndpoint({
  name: 'getRevisionFile',
  method: 'GET',
  path: '/projects/:project/revisions/:number/file',
  summary: 'The text of kiban.yaml at a revision',
  action: 'project.read',
  params: ProjectParams.extend({ number: z.coerce.number().int().positive() }),
  response: z.object({ text: z.string(), files: z.array(ManifestFile) }),
  errors: ['project_not_found', 'revision_not_found'],
})
