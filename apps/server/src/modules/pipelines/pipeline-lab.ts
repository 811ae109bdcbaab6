import { sha256 } from '@kiban/kit/canonical-json'
import type { StepComponent } from '@kiban/kit/module'
import type { PipelineRun, PipelineRunDetail, StepRun } from '@kiban/contract/pipelines'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets } from '../datasets/index.ts'
import { environments } from '../environments/index.ts'
import { jobs } from '../jobs/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { revisionsModule } from '../revisions/index.ts'
import { secrets } from '../secrets/index.ts'
import { tracking } from '../tracking/index.ts'
import { tuning } from '../tuning/index.ts'
import { pipelineLineage, pipelinesModule } from './index.ts'

export type Lab = {
  readonly app: TestApp
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  /** Applies a project file with code files to the project `lab`. */
  apply(yaml: string, files?: Readonly<Record<string, string>>): Promise<void>
  commit(dataset: string, files: Readonly<Record<string, string>>): Promise<void>
  start(pipeline: string, body?: Record<string, unknown>): Promise<PipelineRun>
  run(id: string): Promise<PipelineRunDetail>
  ended(id: string): Promise<PipelineRunDetail>
  until(id: string, holds: (run: PipelineRunDetail) => boolean): Promise<PipelineRunDetail>
}

/** For tests: the modules that a pipeline needs on a real database with real jobs, and a project `lab`. */
export async function openLab(
  databaseUrl: string,
  components: Readonly<Record<string, StepComponent>> = {},
): Promise<Lab> {
  const parts = pipelinesModule(() => ({ components }))
  const nouns = [
    projects,
    access,
    audit,
    secrets,
    lineageModule([pipelineLineage]),
    datasets,
    environments,
    jobs,
    tracking,
    tuning,
    parts,
  ]
  const sections = nouns.flatMap((module) => (module.apply ? [module.apply] : []))
  const app = await startTestApp({ modules: [...nouns, revisionsModule(sections)], loops: true, databaseUrl })
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${app.url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const must = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await call(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const upload = async (files: Readonly<Record<string, string>>) =>
    Promise.all(
      Object.entries(files).map(async ([path, text]) => {
        const hash = sha256(text)
        const put = await fetch(`${app.url}/api/v1/projects/lab/blobs/${hash}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body: text,
        })
        if (!put.ok) throw new Error(await put.text())
        return { path, hash, sizeBytes: Buffer.byteLength(text) }
      }),
    )
  const run = async (id: string): Promise<PipelineRunDetail> =>
    (await must('GET', `/projects/lab/pipeline-runs/${encodeURIComponent(id)}`)) as PipelineRunDetail // the server checked it
  const until: Lab['until'] = async (id, holds) => {
    for (const end = Date.now() + 60_000; ;) {
      const found = await run(id)
      if (holds(found)) return found
      if (Date.now() > end)
        throw new Error(
          `still ${found.state}: ${JSON.stringify(found.steps.map((step) => [step.name, step.state, step.reason, step.message]))}`,
        )
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
  await must('POST', '/projects', { name: 'lab' })
  return {
    app,
    call,
    run,
    until,
    apply: async (text, files = {}) =>
      void (await must('POST', '/projects/lab/apply', { text, files: await upload(files) })),
    commit: async (name, files) =>
      void (await must('POST', `/projects/lab/datasets/${name}/versions`, {
        files: await upload(files),
        message: 'test',
      })),
    start: async (pipeline, body = {}) =>
      (await must('POST', `/projects/lab/pipelines/${pipeline}/runs`, body)) as PipelineRun, // the server checked it
    ended: (id) => until(id, (found) => ['succeeded', 'failed', 'cancelled'].includes(found.state)),
  }
}

/** One step of a run by name. */
export function stepNamed(run: PipelineRunDetail, name: string): StepRun {
  const step = run.steps.find((candidate) => candidate.name === name)
  if (!step) throw new Error(`no step ${name}`)
  return step
}
