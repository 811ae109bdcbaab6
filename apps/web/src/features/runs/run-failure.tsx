import { Link } from '@tanstack/react-router'
import { useQuery } from '@tanstack/react-query'
import { useMemo, type ReactNode } from 'react'
import { call } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Took } from '../../ui/time.tsx'
import { failureOf } from './failure-lines.ts'

const TAIL_BYTES = 24_000
const TAIL_LINES = 20

/** Why it failed: the error's class, the user's own line, the last lines, what was tried, where to go. */
export function RunFailure({ project, jobId }: { project: string; jobId: string | null }): ReactNode {
  const t = useT()
  const format = useFormat()
  const job = useRead('getJob', { project, id: jobId ?? '' }, { enabled: jobId !== null })
  const tail = useQuery({
    queryKey: ['logTail', project, jobId],
    queryFn: ({ signal }) =>
      call('getJobLog', { project, id: jobId ?? '', offset: -TAIL_BYTES, limit: 10_000 }, signal),
    enabled: jobId !== null,
  })
  const lines = tail.data?.lines ?? NO_LINES
  const failure = useMemo(() => failureOf(lines), [lines])
  const cause = job.data?.cause
  return (
    <div className="cols sec" style={{ gridTemplateColumns: 'minmax(0, 1fr) 360px', gap: 48 }}>
      <div>
        <div className="call">
          <h2>{failure.title ?? job.data?.message ?? t('state.failed')}</h2>
          <p>
            {
              cause != null &&
                t(`runpage.cause_${cause}` as MessageKey) /* one message for each member of the contract's enum */
            }
            {cause != null && '. '}
            {failure.title !== null && job.data?.message}
            {job.data !== undefined && ` ${t('runpage.failed_in', { step: job.data.name })}`}
          </p>
        </div>
        {failure.own !== null && (
          <Section title={t('runpage.your_line')} note={`${failure.own.file}:${failure.own.line}`}>
            <div className="code0 log">
              <div className="ln0 hit">
                <span className="no0">{failure.own.line}</span>
                <span>{failure.own.code}</span>
              </div>
            </div>
          </Section>
        )}
        <Section
          title={t('runpage.last_lines')}
          note={lines.length > 0 && t('log.lines', { count: Math.min(TAIL_LINES, lines.length) })}
          aside={
            jobId !== null && (
              <Link to="." search={{ tab: 'logs' }}>
                {t('runpage.all_logs')}
              </Link>
            )
          }
        >
          {lines.length === 0 ? (
            <Nothing>{jobId === null ? t('runpage.no_job') : t('log.empty')}</Nothing>
          ) : (
            <div className="log pre-wrap">
              {lines.slice(-TAIL_LINES).map((line, index) => (
                <div key={index} className="ln0">
                  <span className="no0">{index + 1}</span>
                  <span className={/error|traceback|exception/i.test(line) ? 'err' : undefined}>{line}</span>
                </div>
              ))}
            </div>
          )}
        </Section>
      </div>
      <div>
        <Section first title={t('runpage.what_to_do')}>
          <div className="do">
            {jobId !== null && (
              <Link className="btn p" to={pathTo(project, 'jobs', jobId)}>
                {t('runpage.open_job')}
              </Link>
            )}
            {job.data?.environmentId != null && (
              <Link className="btn" to={pathTo(project, 'environments', job.data.environmentId)}>
                {t('runpage.open_environment')}
              </Link>
            )}
          </div>
        </Section>
        {job.data !== undefined && (
          <Section title={t('runpage.what_tried')}>
            <ul className="steps0">
              {job.data.attempts.map((attempt) => (
                <li key={attempt.number}>
                  <Status state={attempt.state} bare />
                  <span>
                    {t('job.attempt', { number: attempt.number })}{' '}
                    <Took from={attempt.startedAt} to={attempt.endedAt} />
                    {attempt.exitCode !== null && `, ${t('job.exit', { code: attempt.exitCode })}`}
                    {attempt.usage !== null && (
                      <span className="m t12 block">
                        {t('job.used', {
                          cpu: format.number(attempt.usage.cpuSeconds),
                          memory: format.bytes(attempt.usage.maxRssBytes),
                        })}
                      </span>
                    )}
                  </span>
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </div>
  )
}

const NO_LINES: readonly string[] = []
