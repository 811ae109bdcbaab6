import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { KeyValues, Section } from '../../ui/layout.tsx'
import { Status } from '../../ui/status.tsx'
import { labelOf, noteOf, shownState, type Step } from './steps.ts'
import { TableBox } from '../../ui/table-box.tsx'

/** The selected step: reason first, then what differed in its cache key, what it gave and measured. */
export function StepPanel({ project, step }: { project: string; step: Step }): ReactNode {
  const t = useT()
  const format = useFormat()
  const outputs = Object.entries(step.outputs)
  const metrics = Object.entries(step.metrics)
  return (
    <Section
      title={labelOf(step)}
      note={<Status state={shownState(step)} />}
      aside={step.jobId !== null && <Link to={pathTo(project, 'jobs', step.jobId)}>{t('runpage.job')}</Link>}
    >
      <p className={step.state === 'failed' ? 'badc' : undefined}>{step.message ?? noteOf(step, t)}</p>
      {step.cache !== null && step.cache.differences.length > 0 && (
        <TableBox gap>
          <table className="compact">
            <thead>
              <tr>
                <th scope="col">{t('run.cache_key', { step: step.name })}</th>
                <th scope="col">{t('run.before')}</th>
                <th scope="col">{t('run.after')}</th>
              </tr>
            </thead>
            <tbody>
              {step.cache.differences.map((difference) => (
                <tr key={`${difference.part} ${difference.name}`}>
                  <th scope="row">
                    {difference.name === '' || difference.name === difference.part
                      ? difference.part
                      : `${difference.part} ${difference.name}`}
                  </th>
                  <td className="mono">{shorten(difference.before)}</td>
                  <td className="mono b">{shorten(difference.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableBox>
      )}
      {(step.sweepId !== null || step.runId !== null) && (
        <p className="gap t13">
          {step.sweepId !== null && <Link to={pathTo(project, 'sweeps', step.sweepId)}>{t('run.trial_runs')}</Link>}
          {step.sweepId !== null && step.runId !== null && ' · '}
          {step.runId !== null && <Link to={pathTo(project, 'runs', step.runId)}>{t('run.mlflow_run')}</Link>}
        </p>
      )}
      {metrics.length > 0 && (
        <>
          <h3 className="gap">{t('run.metrics')}</h3>
          <KeyValues rows={metrics.slice(0, 8).map(([name, value]) => [name, format.number(value)])} />
        </>
      )}
      {outputs.length > 0 && (
        <>
          <h3 className="gap">{t('run.outputs')}</h3>
          <KeyValues
            rows={outputs
              .slice(0, 10)
              .map(([name, output]) => [
                name,
                output.published !== undefined
                  ? `${output.published.uri} v${output.published.number}`
                  : output.value === undefined
                    ? `${output.type}, ${format.bytes(output.sizeBytes)}`
                    : typeof output.value === 'string'
                      ? output.value
                      : JSON.stringify(output.value),
              ])}
          />
        </>
      )}
    </Section>
  )
}

function shorten(value: string | null): string {
  if (value === null) return '–'
  return /^[0-9a-f]{32,}$/.test(value) ? value.slice(0, 8) : value.length > 28 ? `${value.slice(0, 27)}…` : value
}
