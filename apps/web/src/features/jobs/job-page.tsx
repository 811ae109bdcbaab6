import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { By } from '../../ui/actor.tsx'
import { JobLog } from '../../ui/log-view.tsx'
import { KeyValues, PageHead, Section, Segmented } from '../../ui/layout.tsx'
import { Failure, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

/** One job: why it waits or failed, its attempts, what it used, its log. */
export function JobPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const id = useAddress('job')
  const [attempt, setAttempt] = useState<number | null>(null)
  const job = useRead('getJob', { project, id }, { refetchMs: 5_000 })
  const stop = useChange('cancelJob')
  useTitle(job.data?.name)
  if (job.error !== null && job.data === undefined)
    return <Failure error={job.error} onRetry={() => void job.refetch()} />
  if (job.data === undefined) return <Skeleton rows={8} />
  const it = job.data
  const ended = it.endedAt !== null
  const shown = attempt ?? it.attempt
  const outputs = Object.entries(it.outputs)
  return (
    <div className="column">
      <PageHead
        title={it.name}
        status={<Status state={it.state} />}
        meta={
          <>
            <span>
              <Took from={it.startedAt} to={it.endedAt} />
            </span>
            <span>
              <Ago at={it.createdAt} />
            </span>
            <span>
              <By id={it.createdBy} />
            </span>
            <span>
              {t('jobs.resources', { cpu: it.resources.cpu, memory: format.bytes(it.resources.memoryBytes) })}
            </span>
            {it.runId !== null && (
              <span>
                {t('job.run')} <Link to={`/p/${project}/runs/${it.runId}`}>{it.runId.slice(0, 8)}</Link>
              </span>
            )}
            {it.environmentId !== null && (
              <span>
                {t('job.environment')}{' '}
                <Link to={`/p/${project}/environments/${it.environmentId}`}>{it.environmentId.slice(-6)}</Link>
              </span>
            )}
            <span className="id">{it.id}</span>
          </>
        }
        actions={
          <button
            type="button"
            className="btn d"
            disabled={ended || stop.isPending}
            onClick={() => stop.mutate({ project, id })}
          >
            {t('job.stop')}
          </button>
        }
      />
      {(it.message ?? it.reason) !== null && (
        <div className={`call sec ${it.state === 'failed' ? '' : 'info'}`}>
          <p className="b">{it.message ?? it.reason}</p>
          {it.exitCode !== null && <p className="m t13">{t('job.exit', { code: it.exitCode })}</p>}
        </div>
      )}
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1fr)' }}>
        <Section title={t('job.attempts')}>
          <ul className="lines">
            {it.attempts.map((one) => (
              <li key={one.number}>
                <div className="row">
                  <Status state={one.state} label={`${t('job.attempt', { number: one.number })}`} />
                  <span className="m">
                    {one.usage !== null &&
                      t('job.used', {
                        cpu: format.number(one.usage.cpuSeconds),
                        memory: format.bytes(one.usage.maxRssBytes),
                      })}
                    {one.message !== null && ` ${one.message}`}
                  </span>
                  <span className="r">
                    <Took from={one.startedAt} to={one.endedAt} />
                  </span>
                </div>
              </li>
            ))}
          </ul>
        </Section>
        <Section title={t('job.command')}>
          <pre className="wrapped">{it.command}</pre>
          {outputs.length > 0 && (
            <>
              <h3 className="sec">{t('job.outputs')}</h3>
              <KeyValues
                rows={outputs.map(([name, output]) => [
                  name,
                  'tree' in output ? `${output.type}, ${format.bytes(output.sizeBytes)}` : JSON.stringify(output.value),
                ])}
              />
            </>
          )}
        </Section>
      </div>
      <div className="dock">
        <JobLog
          project={project}
          job={id}
          attempt={shown}
          height={420}
          title={
            <>
              <h2>{t('job.log')}</h2>
              {it.attempts.length > 1 && (
                <Segmented
                  label={t('job.attempts')}
                  value={String(shown)}
                  onChange={(next) => setAttempt(Number(next))}
                  options={it.attempts.map(
                    (one) => [String(one.number), t('job.attempt', { number: one.number })] as const,
                  )}
                />
              )}
            </>
          }
        />
      </div>
    </div>
  )
}
