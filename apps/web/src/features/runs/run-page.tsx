import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { ShortHash } from '../../ui/copy.tsx'
import { By } from '../../ui/actor.tsx'
import { JobLog } from '../../ui/log-view.tsx'
import { PageHead, Section, Tabs } from '../../ui/layout.tsx'
import { Failure, Nothing, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'
import { LineageView } from '../lineage/lineage-view.tsx'
import { RunArtifacts } from './run-artifacts.tsx'
import { RunFailure } from './run-failure.tsx'
import { RunMetrics } from './run-metrics.tsx'
import { RunSummary } from './run-summary.tsx'

export type Run = AnswerOf<'getRun'>

/** The job that did the run's work: that of its step, or of its trial. */
function useRunJob(project: string, run: Run | undefined): string | null {
  const pipelineRun = run?.tags['kiban.pipeline_run']
  const sweep = run?.tags['kiban.sweep']
  const steps = useRead('getPipelineRun', { project, run: pipelineRun ?? '' }, { enabled: pipelineRun !== undefined })
  const trials = useRead('listTrials', { project, sweep: sweep ?? '' }, { enabled: sweep !== undefined })
  const trial = trials.data?.trials.find((it) => it.runId === run?.id)
  if (trial !== undefined) return trial.jobId
  return steps.data?.steps.find((it) => it.id === run?.tags['kiban.step_run'])?.jobId ?? null
}

/** One run. A failed one opens on its failure: the user's own line first. */
export function RunPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const id = useAddress('run')
  const search = useSearchPart()
  const run = useRead('getRun', { project, run: id }, { refetchMs: 10_000 })
  useTitle(run.data?.name)
  const jobId = useRunJob(project, run.data)
  if (run.error !== null && run.data === undefined)
    return <Failure error={run.error} onRetry={() => void run.refetch()} />
  if (run.data === undefined) return <Skeleton rows={10} />
  const it = run.data
  const failed = it.status === 'failed'
  const tab = search['tab'] ?? (failed ? 'failure' : 'summary')
  const commit = it.tags['mlflow.source.git.commit']
  const tabs = [
    ...(failed ? [{ id: 'failure', label: t('runpage.failure') }] : []),
    { id: 'summary', label: t('runpage.summary') },
    { id: 'metrics', label: t('runpage.metrics'), count: it.latestMetrics.length },
    { id: 'logs', label: t('runpage.logs') },
    { id: 'artifacts', label: t('runpage.artifacts'), count: it.artifactCount },
    { id: 'lineage', label: t('common.lineage') },
  ]
  return (
    <>
      <PageHead
        title={it.name}
        status={<Status state={it.status} />}
        meta={
          <>
            <span>
              <Took from={it.startedAt} to={it.endedAt} />
              {', '}
              <Ago at={it.startedAt} />
            </span>
            <span>
              <By id={it.createdBy} />
            </span>
            <span>
              <Link to={pathTo(project, 'experiments', it.experimentName)}>{it.experimentName}</Link>
            </span>
            {it.tags['kiban.pipeline'] !== undefined && it.tags['kiban.pipeline_run'] !== undefined && (
              <span>
                <Link
                  to={pathTo(project, 'pipelines', it.tags['kiban.pipeline'], 'runs', it.tags['kiban.pipeline_run'])}
                >
                  {t('runpage.step', { step: it.tags['kiban.step'] ?? it.tags['kiban.pipeline'] })}
                </Link>
              </span>
            )}
            {commit !== undefined && <ShortHash hash={commit} />}
            {jobId !== null && (
              <span>
                <Link to={pathTo(project, 'jobs', jobId)}>{t('runpage.job')}</Link>
              </span>
            )}
            {it.parentRunId !== null && (
              <span>
                <Link to={pathTo(project, 'runs', it.parentRunId)}>{t('runpage.parent')}</Link>
              </span>
            )}
            {it.models
              .flatMap((model) => model.versions)
              .map((version) => (
                <span key={`${version.name} ${version.number}`}>
                  <Link
                    to={pathTo(project, 'models', version.name, 'versions', version.number)}
                  >{`${version.name} v${version.number}`}</Link>
                </span>
              ))}
            {it.artifactCount > 0 && (
              <span>
                {t('runpage.artifacts_summary', { count: it.artifactCount, size: format.bytes(it.artifactBytes) })}
              </span>
            )}
          </>
        }
      />
      <Tabs items={tabs} current={tab} label={it.name} />
      {tab === 'failure' ? (
        <RunFailure project={project} jobId={jobId} />
      ) : tab === 'metrics' ? (
        <RunMetrics project={project} run={it} />
      ) : tab === 'artifacts' ? (
        <RunArtifacts project={project} run={it} />
      ) : tab === 'lineage' ? (
        <LineageView project={project} kind="run" id={it.id} />
      ) : tab === 'logs' ? (
        jobId === null ? (
          <Section title={t('runpage.logs')}>
            <Nothing>{t('runpage.no_job')}</Nothing>
          </Section>
        ) : (
          <div className="dock">
            <JobLog project={project} job={jobId} height={560} title={<h2>{t('log.title')}</h2>} />
          </div>
        )
      ) : (
        <RunSummary project={project} run={it} />
      )}
    </>
  )
}
